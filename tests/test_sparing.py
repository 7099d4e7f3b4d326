"""A log for what strangers can cause."""

from twisted.internet.task import Clock
from twisted.logger import Logger, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tpush.sparing import SparingLog


class SparingLogTests(SynchronousTestCase):
    """So many lines a second, and how many were left out."""

    def test_bound(self) -> None:
        """Lines beyond the bound are counted; the next second has its own."""
        clock = Clock()
        log = SparingLog(Logger(), clock, most=2)
        with capturedLogs() as events:
            for number in range(5):
                log.warn("line {number!r}", number=number)
            clock.advance(1)
            log.warn("line {number!r}", number=5)
            clock.advance(1)
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["line 0", "line 1", "3 more lines like these were left out", "line 5"],
        )
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_again(self) -> None:
        """What is left out later is told again, and counted anew."""
        clock = Clock()
        log = SparingLog(Logger(), clock, most=1)
        with capturedLogs() as events:
            for lines in (4, 3):
                for _ in range(lines):
                    log.warn("line")
                clock.advance(1)
        told = [formatEvent(event) for event in events if "left_out" in event]
        self.assertEqual(told, [f"{left} more lines like these were left out" for left in (3, 2)])

    def test_stop(self) -> None:
        """What was left out is told at the end, and no timer is left."""
        clock = Clock()
        log = SparingLog(Logger(), clock, most=1)
        log.stop()
        with capturedLogs() as events:
            for _ in range(3):
                log.warn("line")
            log.stop()
        self.assertEqual(len(events), 2)
        self.assertEqual(clock.getDelayedCalls(), [])
