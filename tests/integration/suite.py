"""The Autobahn TestSuite: where it is found, and what it says of a server."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.integration.processes import ROOT
from tests.run import OPTIONAL

VARIABLE = "TPUSH_SUITE"
BESIDE = "*/conformance/run"
IMAGE = "crossbario/autobahn-testsuite"

PROTOCOL = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"]
"""The cases of the protocol; 9 is limits and speed, 12 and 13 are compression."""

ABSENT = (
    f"{OPTIONAL}the Autobahn TestSuite is not here: neither a command in {VARIABLE}, nor "
    f"{BESIDE} beside the checkout, nor Docker for its image {IMAGE}"
)

CLOSE_WITHIN = 1000
"""Milliseconds that the suite means to wait for the answer to its close."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite says of one case.

    Args:
        behavior: ``OK``, ``NON-STRICT``, ``INFORMATIONAL`` or how it failed.
        close: the same of how the connection ended.
        hasty: the suite gave up on an answer before its time: its timers go off at whole seconds,
            so that a wait of one second ends at once where the second does.
        report: the file that tells all.
    """

    behavior: str
    close: str
    hasty: bool
    report: Path


@dataclass(frozen=True, slots=True)
class Suite:
    """The suite, as it is found here.

    Args:
        command: gives the command line for a URL, a folder for reports, and cases.
    """

    command: Callable[[str, Path, Sequence[str]], list[str]]

    def run(self, url: str, out: Path, cases: Sequence[str] = PROTOCOL) -> dict[str, Verdict]:
        """Run cases; return the verdicts by the name of the case.

        Args:
            url: a server that echoes and does not greet.
            out: where reports go; it is made.
            cases: what to run; ``*`` stands for all of a section.

        Raises:
            AssertionError: the suite did not come to its end.
        """
        out.mkdir()
        command = self.command(url, out, cases)
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        try:
            [found] = json.loads((out / "index.json").read_text()).values()
        except (OSError, ValueError) as error:
            raise AssertionError(f"{command[0]} has no report ({error}):\n{done.stdout}") from None
        return {name: _verdict(case, out) for name, case in found.items()}


def find_suite() -> Suite | None:
    """Return the suite: what the variable names, else what is beside us, else Docker's image."""
    given = os.environ.get(VARIABLE)
    command = ROOT / given if given else _beside(ROOT.parent)
    if command is not None:
        return Suite(partial(_script, command))
    return Suite(_docker) if _docker_runs() else None


def _beside(folder: Path) -> Path | None:
    if folder.stat().st_mode & stat.S_IWOTH:  # what is in it may be anybody's
        return None
    return next((path for path in sorted(folder.glob(BESIDE)) if os.access(path, os.X_OK)), None)


def _verdict(case: dict[str, str], out: Path) -> Verdict:
    report = out / case["reportfile"]
    told = json.loads(report.read_text())
    hasty = told["wasCloseHandshakeTimeout"] and told["duration"] < CLOSE_WITHIN
    return Verdict(case["behavior"], case["behaviorClose"], hasty, report)


def _script(path: Path, url: str, out: Path, cases: Sequence[str]) -> list[str]:
    return [str(path), url, "--out", str(out), "--cases", ",".join(cases)]


def _docker_runs() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return asked.returncode == 0


def _docker(url: str, out: Path, cases: Sequence[str]) -> list[str]:
    spec = {
        "outdir": "/suite",
        "servers": [{"agent": "server", "url": url}],
        "cases": list(cases),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
    (out / "spec.json").write_text(json.dumps(spec))
    return [
        *("docker", "run", "--rm", "--network", "host", "--volume", f"{out}:/suite"),
        *("--user", f"{os.getuid()}:{os.getgid()}", IMAGE),
        *("wstest", "--mode", "fuzzingclient", "--spec", "/suite/spec.json"),
    ]
