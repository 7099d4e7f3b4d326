"""Rounds in which workers are replaced, with places that are replaced by hand."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.errors import NotReplaced
from tpush.net.moment import Moment
from tpush.net.rolling import Rolling


class FakeSlot:
    """Keeps what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Moment[str]]] = []

    def replace(self) -> Deferred[Moment[str]]:
        self.asked.append(Deferred())
        return self.asked[-1]


class RollingTests(SynchronousTestCase):
    """One worker after another, one round after another."""

    @override
    def setUp(self) -> None:
        self.slots = [FakeSlot(), FakeSlot()]
        self.rolling = Rolling(self.slots)

    def replaced(self, slot: int) -> Moment[str]:
        """Have the next one serve at a slot; return when the one before has ended."""
        ended: Moment[str] = Moment()
        self.slots[slot].asked[-1].callback(ended)
        return ended

    def counts(self) -> list[int]:
        return [len(slot.asked) for slot in self.slots]

    def test_one_by_one(self) -> None:
        """The second is replaced when the first is; it is over when both have ended."""
        done = self.rolling.ask()
        self.assertEqual(self.counts(), [1, 0])
        first = self.replaced(0)
        self.assertEqual(self.counts(), [1, 1])
        second = self.replaced(1)
        second.happen("status 0")
        self.assertNoResult(done)
        first.happen("status 0")
        self.successResultOf(done)

    def test_once_more(self) -> None:
        """Whatever is asked meanwhile is one round more, after the one that goes on."""
        done = [self.rolling.ask() for _ in range(3)]
        ended = [self.replaced(0), self.replaced(1)]
        self.assertEqual(self.counts(), [1, 1])
        for moment in ended:
            moment.happen("status 0")
        self.successResultOf(done[0])
        self.assertEqual(self.counts(), [2, 1])
        for slot in (0, 1):
            self.replaced(slot).happen("status 0")
        for each in done[1:]:
            self.successResultOf(each)
        self.assertEqual(self.counts(), [2, 2])

    def test_not_replaced(self) -> None:
        """Where one does not come up those after it stay, and the next round tries again."""
        done, again = self.rolling.ask(), self.rolling.ask()
        self.slots[0].asked[-1].errback(NotReplaced("it is broken"))
        self.failureResultOf(done, NotReplaced)
        self.assertEqual(self.counts(), [2, 0])
        self.replaced(0).happen("status 0")
        self.replaced(1).happen("status 0")
        self.successResultOf(again)

    def test_stop(self) -> None:
        """When it is stopped nothing more is replaced."""
        done = self.rolling.ask()
        waiting = self.rolling.ask()
        self.rolling.stop()
        self.assertNoResult(done)
        self.assertNoResult(waiting)
        self.assertEqual(self.counts(), [1, 0])
