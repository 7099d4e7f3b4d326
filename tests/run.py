"""Run all tests with trial; the last line says how many passed and how many failed.

In CI a skipped test is a failed one: there everything that the tests need is installed. Only what
no machine can be asked to have may be skipped there too: the reason then begins with ``OPTIONAL``.

Trials run side by side, and what they say is printed one after the other.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

OPTIONAL = "optional: "
INTEGRATION = "tests.integration.test_"
LOADS = frozenset({
    "audiences",
    "cluster",
    "descriptors",
    "faults",
    "going_away",
    "memory",
    "recovery",
    "rolling",
    "slow",
    "storm",
})
"""Of the tests with processes, those that take times, or put a load on them: one at a time."""

QUIET = frozenset({"conformance"})
"""Those that want nothing beside them: somebody else's suite waits for one second."""

POLL = 0.2
"""Seconds after which it is seen what a trial has written."""

SUMMARY = re.compile(r"^(?:PASSED|FAILED) \((.*)\)$")


def counts(summary: str) -> dict[str, int]:
    """Read trial's last line, such as ``FAILED (failures=1, successes=2)``."""
    match = SUMMARY.match(summary.strip())
    pairs = match.group(1).split(", ") if match else []
    return {name: int(number) for name, number in (pair.split("=") for pair in pairs)}


def optional_skips(lines: Iterable[str]) -> int:
    """Count the tests that trial says were skipped for an ``OPTIONAL`` reason.

    Trial lists them as ``[SKIPPED]``, a line with the reason, an empty one, and one for each test.
    """
    found, listing, before = 0, False, ""
    for line in lines:
        if before == "[SKIPPED]":
            listing = line.startswith(OPTIONAL)
        elif line.startswith(("===", "---")):
            listing = False
        elif line and listing:
            found += 1
        before = line
    return found


def tally(lines: Sequence[str], *, ci: bool) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, by what trial said."""
    found = counts(next(filter(str.strip, reversed(lines)), ""))
    passed = found.pop("successes", 0) + found.pop("expectedFailures", 0)
    skipped = found.pop("skips", 0)
    excused = optional_skips(lines) if ci else skipped
    return passed, sum(found.values()) + skipped - excused, excused


def stages() -> Sequence[Sequence[Sequence[str]]]:
    """Return the names of all tests: stages one after the other, of trials side by side."""
    here = Path(__file__).parent
    modules = {path.stem for path in here.glob("test_*.py")}
    packages = {path.parent.name for path in here.glob("*/__init__.py")} - {"integration"}
    processes = {path.stem.removeprefix("test_") for path in here.glob("integration/test_*.py")}
    others = [f"tests.{name}" for name in sorted(modules | packages)]
    light = [INTEGRATION + name for name in sorted(processes - LOADS - QUIET)]
    loads = [INTEGRATION + name for name in sorted(LOADS)]
    return [[loads, others + light], [[INTEGRATION + name for name in sorted(QUIET)]]]


def start(names: Sequence[str], output: TextIO) -> subprocess.Popen[bytes]:
    """Let trial run the tests of these names; it says how they went into *output*."""
    command = [sys.executable, "-m", "twisted.trial", *names]
    return subprocess.Popen(command, stdout=output)


def follow(trial: subprocess.Popen[bytes], output: TextIO) -> Iterator[str]:
    """Yield the lines that a trial writes, until it has ended."""
    line, ended = "", False
    while not ended:
        ended = trial.poll() is not None
        for piece in output:  # the end of a line may be still to come
            line += piece
            if line.endswith("\n"):
                yield line
                line = ""
        if not ended:
            time.sleep(POLL)
    yield line


def run(trials: Sequence[Sequence[str]]) -> tuple[int, int, int]:
    """Run trials side by side; return how many tests passed, failed and were skipped.

    Args:
        trials: the names of the tests of each. What they say is printed one after the other.
    """
    passed = failed = skipped = 0
    with ExitStack() as files:
        running = []
        for names in trials:
            file = files.enter_context(NamedTemporaryFile())
            output = files.enter_context(open(file.name, "w", errors="replace"))
            seen = files.enter_context(open(file.name, errors="replace"))
            running.append((start(names, output), seen))
        for trial, seen in running:
            lines = []
            for line in follow(trial, seen):
                print(line, end="", flush=True)
                lines.append(line.rstrip("\n"))
            counted = tally(lines, ci=bool(os.environ.get("CI")))
            passed += counted[0]
            failed += counted[1] or int(trial.returncode != 0 or not counted[0])
            skipped += counted[2]
    return passed, failed, skipped


def main(arguments: list[str]) -> int:
    """Run the tests that *arguments* name, by default all; return the exit status."""
    results = [run(trials) for trials in ([[arguments]] if arguments else stages())]
    passed, failed, skipped = map(sum, zip(*results, strict=True))
    note = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{note}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
