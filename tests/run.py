"""Run all tests with trial; the last line says how many passed and how many failed.

In CI a skipped test is a failed one: there everything that the tests need is installed.
"""

import os
import re
import subprocess
import sys

SUMMARY = re.compile(r"^(?:PASSED|FAILED) \((.*)\)$")


def counts(summary: str) -> dict[str, int]:
    """Read trial's last line, such as ``FAILED (failures=1, successes=2)``."""
    match = SUMMARY.match(summary.strip())
    pairs = match.group(1).split(", ") if match else []
    return {name: int(number) for name, number in (pair.split("=") for pair in pairs)}


def main(arguments: list[str]) -> int:
    """Run the tests that *arguments* name, by default all; return the exit status."""
    command = [sys.executable, "-m", "twisted.trial", *(arguments or ["tests"])]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as trial:
        for line in trial.stdout or ():
            print(line, end="", flush=True)
            last = line.strip() or last
    found = counts(last)
    passed = found.pop("successes", 0) + found.pop("expectedFailures", 0)
    skipped = 0 if os.environ.get("CI") else found.pop("skips", 0)
    failed = sum(found.values()) or int(trial.returncode != 0)
    note = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{note}")
    return int(bool(failed) or not passed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
