"""What a run of publishes has come to."""

import io

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tpush.command.progress import Progress
from tpush.command.rates import Rates


class RatesTests(SynchronousTestCase):
    """Rates are of what was accepted, and of requests."""

    def test_lines(self) -> None:
        """Messages, requests, and what has failed."""
        rates = Rates()
        for number in range(100):
            rates.add(9, ["TryLater"], (number + 1) / 1000)
        self.assertEqual(
            rates.lines(2.0),
            [
                "900 messages in 2.00 s: 450/s",
                "100 requests: 50/s, half of them within 51.0 ms, 99% within 100.0 ms",
                "100 failed: TryLater",
            ],
        )

    def test_nothing(self) -> None:
        """Nothing was sent."""
        self.assertEqual(len(Rates().lines(1.0)), 2)


class ProgressTests(SynchronousTestCase):
    """A line a second."""

    def test_sparing(self) -> None:
        """What comes sooner is left out."""
        clock, written = Clock(), io.StringIO()
        progress = Progress(clock.seconds, written)
        for number in range(30):
            clock.advance(0.125)
            progress.tell(str(number))
        self.assertEqual(written.getvalue().split(), ["7", "15", "23"])
