"""The Autobahn TestSuite against `twistd tpush-ws`: RFC 6455, case by case."""

import os
from collections import Counter
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.processes import ROOT, Role, tell
from tests.integration.suite import ABSENT, Suite, Verdict, find_suite
from tests.ports import free_port

ECHO = ROOT / "tests" / "integration" / "echo"
LEAST = 240
"""Cases that a run has to have; the suite that this was written with has 249."""

AGAIN = 5
"""Times that the suite may give up on an answer before its time, and is asked again."""

NON_STRICT = {
    *("3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"),
}
"""Where Autobahn's own echo server fails the connection before the echo of the frame before has
left, which is no fault."""

INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}
"""Cases that have no wrong answer."""


class ConformanceTests(SynchronousTestCase):
    """No case fails, and none is worse than with Autobahn's own server."""

    def start(self, workers: int) -> str:
        """Start the role that echoes; return its URL."""
        port, channel_port = free_port(), free_port()
        channel = Role("tpush-channel", "--listen", f"tcp:{channel_port}:interface=127.0.0.1")
        self.addCleanup(channel.stop)
        pusher = self.pusher = Role(
            "tpush-ws",
            *("--listen", f"tcp:{port}:interface=127.0.0.1", "--workers", str(workers)),
            *("--channel", f"tcp:127.0.0.1:{channel_port}", "--max-frames", "0"),
            environ={"PYTHONPATH": os.pathsep.join(map(str, (ECHO, ROOT)))},
        )
        self.addCleanup(pusher.stop)
        pusher.wait_for("connected to the channel", workers)
        return f"ws://127.0.0.1:{port}"

    def verdicts(self, suite: Suite, url: str) -> dict[str, Verdict]:
        """Run all cases, and those again on which the suite gave up before its time."""
        out = Path(self.mktemp()).resolve()
        verdicts = suite.run(url, out)
        for number in range(AGAIN):
            hasty = [name for name, it in verdicts.items() if it.hasty and is_worse(name, it)]
            if not hasty:
                break
            tell(f"once more: {' '.join(hasty)}")
            verdicts |= suite.run(url, out / f"again-{number}", hasty)
        return verdicts

    def check(self, workers: int) -> None:
        suite = find_suite()
        if suite is None:
            raise SkipTest(ABSENT)
        verdicts = self.verdicts(suite, self.start(workers))
        found = Counter(verdict.behavior for verdict in verdicts.values())
        tell(f"{workers} workers: {len(verdicts)} cases, {dict(found)}")
        self.assertGreaterEqual(len(verdicts), LEAST)
        worse = [f"{name}: {it}" for name, it in verdicts.items() if is_worse(name, it)]
        self.assertFalse(worse, "\n".join(worse))
        self.assertNotIn("Traceback", self.pusher.log)

    def test_one_worker(self) -> None:
        """With one process, which is the role itself."""
        self.check(1)

    def test_two_workers(self) -> None:
        """With a parent and two worker processes behind one address."""
        self.check(2)


def is_worse(name: str, verdict: Verdict) -> bool:
    """Say whether a case went worse than it does with Autobahn's own server."""
    behaviors, closes = {"OK"}, {"OK"}
    if name in NON_STRICT:
        behaviors.add("NON-STRICT")
    if name in INFORMATIONAL:
        behaviors.add("INFORMATIONAL")
        closes.add("INFORMATIONAL")
    return verdict.behavior not in behaviors or verdict.close not in closes
