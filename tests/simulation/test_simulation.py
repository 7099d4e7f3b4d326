"""The whole cluster in memory, under schedules that a seed decides."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.simulation.defects import DEFECTS
from tests.simulation.run import first_to_show, run, run_all

SCHEDULES = int(os.environ.get("TPUSH_TEST_SCHEDULES", "300"))
ROOT = Path(__file__).resolve().parents[2]

QUICK = (
    "an acknowledgement that was lost with its link is not sent again",
    "a message that is sent again is not recognised",
    "a new channel routes before workers are back",
    "an address is given again when its connection has gone",
    "a flush is forgotten when a transport takes more again",
)
"""Of the defects those that a few seeds show; `make defects` finds all."""


class SimulationTests(SynchronousTestCase):
    """What is promised is kept, whatever befalls the cluster."""

    def test_schedules(self) -> None:
        """No schedule breaks a promise; one that does is run again by its seed."""
        for one in run_all(range(SCHEDULES)):
            self.assertEqual(one.breaches, [], f"python -m tests.simulation --seed {one.seed}")

    def test_the_same_again(self) -> None:
        """A seed is the same schedule again, whatever else is random in a process."""
        seeds = range(6)
        here = [run(seed, trace=True).hash for seed in seeds]
        self.assertEqual(len({"", *here}), 1 + len(seeds))
        self.assertEqual([run(seed, trace=True).hash for seed in seeds], here)
        code = (
            "from tests.simulation.run import run;"
            f"print(*(run(seed, trace=True).hash for seed in {seeds!r}))"
        )
        for hash_seed in ("1", "2"):
            there = subprocess.run(
                [sys.executable, "-c", code],
                env={**os.environ, "PYTHONHASHSEED": hash_seed},
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            self.assertEqual(there.stdout.split(), here)

    def test_defects(self) -> None:
        """Each has its place still: what is renamed there takes its defect along."""
        for defect in DEFECTS:
            with defect.planted():
                self.assertTrue(callable(getattr(defect.owner, defect.function)), defect.place)

    def test_defects_show(self) -> None:
        """Defects that are put in on purpose are found."""
        by_name = {defect.name: defect for defect in DEFECTS}
        for name in QUICK:
            self.assertIsNotNone(first_to_show(by_name[name], range(200)), name)
