"""``python -m tests.simulation``: many schedules, one seed again, or the defects."""

import argparse
import sys
import time
from collections.abc import Iterable

from tests.simulation.defects import DEFECTS
from tests.simulation.run import Run, first_to_show, run, run_all

WITHIN = 1_000
"""Seeds by which each defect has to have been found."""


def main(arguments: list[str]) -> int:
    """Do what *arguments* say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--first", type=int, default=0, help="the first of their seeds (0)")
    parser.add_argument("--seed", type=int, help="this one alone, again, with its events' hash")
    parser.add_argument("--trace", action="store_true", help="with --seed: print each event")
    parser.add_argument("--defects", action="store_true", help="put defects in, and find each")
    parser.add_argument("--defect", help="have the one whose name has this in it")
    given = parser.parse_args(arguments)
    defects = [defect for defect in DEFECTS if given.defect and given.defect in defect.name]
    if given.defect and len(defects) != 1:
        parser.error(f"--defect names {len(defects)} defects")
    if given.defects:
        return find_defects()
    if given.seed is not None:
        one = run(given.seed, trace=True, defect=defects[0] if defects else None)
        if given.trace:
            print(*one.trace, sep="\n")
        report(one)
        return int(bool(one.breaches))
    seeds = range(given.first, given.first + given.schedules)
    return run_many(run_all(seeds, defects[0] if defects else None), len(seeds))


def run_many(runs: Iterable[Run], count: int) -> int:
    """Show on one line how far it is; stop at the first seed that fails."""
    began = time.process_time()
    for done, one in enumerate(runs, 1):
        if one.breaches:
            print()
            report(one)
            print(f"again: python -m tests.simulation --seed {one.seed} --trace")
            return 1
        if done % 20 == 0 or done == count:
            spent = time.process_time() - began
            print(f"\r{done} of {count} schedules, {1000 * spent / done:.0f} ms each", end="")
            sys.stdout.flush()
    print(f"\n{count} schedules passed, {time.process_time() - began:.0f} s of processor time")
    return 0


def report(one: Run) -> None:
    """Print what came of one seed."""
    print(f"seed {one.seed}: {'FAILED' if one.breaches else 'passed'} {one.hash}")
    print(*(f"    fault {fault}" for fault in one.faults), sep="\n")
    print(*(f"    {breach}" for breach in one.breaches), sep="\n")


def find_defects() -> int:
    """Find each defect, and say at which seed."""
    missed = 0
    for defect in DEFECTS:
        found = first_to_show(defect, range(WITHIN))
        out_of_date = found is not None and "TypeError: " in found.breaches[0]
        missed += found is None or out_of_date
        where = f"seed {found.seed:3}" if found is not None else "NOT FOUND"
        where = "OUT OF DATE, as what it spoils has changed:" if out_of_date else where
        print(f"{where}  {defect.name}  ({defect.place})", flush=True)
        if found is not None:
            print(f"          {found.breaches[0]:.150}".replace("\n", " "))
    print(f"{len(DEFECTS) - missed} of {len(DEFECTS)} found within {WITHIN} seeds")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
