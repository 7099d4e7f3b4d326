"""Run all tests with trial; the last line says how many passed and how many failed.

In CI a skipped test is a failed one: there everything that the tests need is installed. Only what
no machine can be asked to have may be skipped there too: the reason then begins with ``OPTIONAL``.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

OPTIONAL = "optional: "
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


def main(arguments: list[str]) -> int:
    """Run the tests that *arguments* name, by default all; return the exit status."""
    command = [sys.executable, "-m", "twisted.trial", *(arguments or ["tests"])]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as trial:
        for line in trial.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    passed, failed, skipped = tally(lines, ci=bool(os.environ.get("CI")))
    failed = failed or int(trial.returncode != 0)
    note = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{note}")
    return int(bool(failed) or not passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
