"""The sending end of a numbered stream."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import run_machine
from tpush.channel.outbox import Outbox
from tpush.errors import OutboxFull


def filled(*items: str) -> Outbox[str]:
    outbox: Outbox[str] = Outbox()
    for item in items:
        outbox.append(item, len(item))
    return outbox


class OutboxTests(SynchronousTestCase):
    def test_new(self) -> None:
        """A new outbox holds nothing, and its number is 0."""
        outbox: Outbox[str] = Outbox()
        self.assertEqual((len(outbox), outbox.number, outbox.held), (0, 0, 0))
        self.assertFalse(outbox.waiting)
        self.assertEqual(outbox.take(10, 10), [])

    def test_numbers(self) -> None:
        """Items are numbered from 1, without a gap, and never again."""
        outbox: Outbox[str] = Outbox()
        self.assertEqual([outbox.append("a"), outbox.append("b")], [1, 2])
        outbox.take(2, 1)
        outbox.acknowledge(2)
        self.assertEqual(outbox.append("c"), 3)
        self.assertEqual(outbox.number, 3)

    def test_take_in_order(self) -> None:
        """Items are taken in the order in which they were added, each once."""
        outbox = filled("a", "b", "c")
        self.assertEqual(outbox.take(2, 100), [(1, "a"), (2, "b")])
        self.assertTrue(outbox.waiting)
        self.assertEqual(outbox.take(2, 100), [(3, "c")])
        self.assertFalse(outbox.waiting)
        self.assertEqual(outbox.take(2, 100), [])

    def test_take_until_size(self) -> None:
        """A batch takes no further item once it has its size; the first always goes."""
        outbox = filled("aaaa", "b", "cc")
        self.assertEqual(outbox.take(9, 3), [(1, "aaaa")])
        self.assertEqual(outbox.take(9, 2), [(2, "b"), (3, "cc")])

    def test_held_until_acknowledged(self) -> None:
        """What was sent is held until its number is acknowledged."""
        outbox = filled("a", "bb", "c")
        outbox.take(2, 100)
        self.assertEqual((len(outbox), outbox.held, list(outbox)), (3, 4, ["a", "bb", "c"]))
        self.assertEqual(outbox.acknowledge(2), ["a", "bb"])
        self.assertEqual((len(outbox), outbox.held, list(outbox)), (1, 1, ["c"]))

    def test_acknowledged_again(self) -> None:
        """A number that was acknowledged before lets go of nothing."""
        outbox = filled("a")
        outbox.take(1, 1)
        outbox.acknowledge(1)
        self.assertEqual(outbox.acknowledge(1), [])
        self.assertEqual(outbox.acknowledge(0), [])

    def test_never_sent(self) -> None:
        """A number that was never sent cannot be acknowledged, and nothing is let go."""
        outbox = filled("a", "b")
        outbox.take(1, 100)
        self.assertRaises(ValueError, outbox.acknowledge, 2)
        self.assertEqual(len(outbox), 2)

    def test_rewind(self) -> None:
        """After a lost link what is unacknowledged is sent again, under the same numbers."""
        outbox = filled("a", "b", "c")
        outbox.take(2, 100)
        outbox.acknowledge(1)
        outbox.rewind()
        self.assertEqual(outbox.take(9, 100), [(2, "b"), (3, "c")])

    def test_acknowledged_after_rewind(self) -> None:
        """What the other end had before the link was lost may be acknowledged afterwards."""
        outbox = filled("a", "b", "c")
        outbox.take(2, 100)
        outbox.rewind()
        self.assertEqual(outbox.acknowledge(2), ["a", "b"])
        self.assertEqual(outbox.take(9, 100), [(3, "c")])

    def test_acknowledged_across_sent_and_waiting(self) -> None:
        """An acknowledgement lets go of what was sent again and of what waits to be."""
        outbox = filled("a", "b", "c")
        outbox.take(3, 100)
        outbox.rewind()
        outbox.take(1, 100)
        self.assertEqual(outbox.acknowledge(2), ["a", "b"])
        self.assertEqual(list(outbox), ["c"])

    def test_too_many(self) -> None:
        """An item beyond the bound is refused, and takes no number."""
        outbox: Outbox[str] = Outbox(items=1)
        outbox.append("a")
        self.assertRaises(OutboxFull, outbox.append, "b")
        self.assertEqual((len(outbox), outbox.number), (1, 1))

    def test_too_large(self) -> None:
        """An item that takes the sizes beyond the bound is refused; one that fits goes."""
        outbox: Outbox[str] = Outbox(size=3)
        outbox.append("aa", 2)
        self.assertRaises(OutboxFull, outbox.append, "bb", 2)
        self.assertEqual((outbox.held, outbox.number), (2, 1))
        self.assertEqual(outbox.append("b", 1), 2)

    def test_room_again(self) -> None:
        """What is acknowledged makes room."""
        outbox: Outbox[str] = Outbox(items=1, size=1)
        outbox.append("a", 1)
        outbox.take(1, 1)
        self.assertRaises(OutboxFull, outbox.append, "b", 0)
        outbox.acknowledge(1)
        self.assertEqual(outbox.append("b", 1), 2)

    def test_must_not_be_refused(self) -> None:
        """What must not be refused is taken beyond either bound."""
        outbox: Outbox[str] = Outbox(items=1, size=1)
        outbox.append("a", 1)
        self.assertEqual(outbox.append("bb", 2, bounded=False), 2)

    def test_clear(self) -> None:
        """All is let go of where nobody will acknowledge it."""
        outbox = filled("a", "b", "c")
        outbox.take(1, 1)
        self.assertEqual(outbox.clear(), ["a", "b", "c"])
        self.assertEqual((len(outbox), outbox.held, outbox.waiting), (0, 0, False))
        self.assertEqual(outbox.append("d"), 4)

    def test_any_run(self) -> None:
        """Over any number of links, each item is sent in order and held until acknowledged."""
        run_machine(OutboxMachine, examples=60, steps=40)


class OutboxMachine(RuleBasedStateMachine):
    """An outbox, beside the list of all that was ever added."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox: Outbox[int] = Outbox(items=6, size=20)
        self.sizes: list[int] = []
        self.acknowledged = 0
        self.sent = 0
        self.furthest = 0

    @property
    def held(self) -> list[int]:
        return list(range(self.acknowledged + 1, len(self.sizes) + 1))

    def size(self, numbers: list[int]) -> int:
        return sum(self.sizes[number - 1] for number in numbers)

    @rule(size=st.integers(0, 9), bounded=st.booleans())
    def append(self, size: int, *, bounded: bool) -> None:
        full = len(self.held) >= 6 or self.size(self.held) + size > 20
        number = len(self.sizes) + 1
        try:
            assert self.outbox.append(number, size, bounded=bounded) == number
        except OutboxFull:
            assert full and bounded
        else:
            assert not (full and bounded)
            self.sizes.append(size)

    @rule(items=st.integers(1, 4), size=st.integers(1, 12))
    def take(self, items: int, size: int) -> None:
        expected: list[int] = []
        while len(expected) < items and self.size(expected) < size and self.sent < len(self.sizes):
            self.sent += 1
            expected.append(self.sent)
        assert self.outbox.take(items, size) == [(number, number) for number in expected]
        self.furthest = max([self.furthest, *expected])

    @rule(number=st.integers(0, 60))
    def acknowledge(self, number: int) -> None:
        try:
            freed = self.outbox.acknowledge(number)
        except ValueError:
            assert number > self.furthest
            return
        assert number <= self.furthest
        assert freed == list(range(self.acknowledged + 1, number + 1))
        self.acknowledged = max(self.acknowledged, number)
        self.sent = max(self.sent, self.acknowledged)

    @rule()
    def rewind(self) -> None:
        self.outbox.rewind()
        self.sent = self.acknowledged

    @rule()
    def clear(self) -> None:
        assert self.outbox.clear() == self.held
        self.acknowledged = self.sent = len(self.sizes)

    @invariant()
    def same(self) -> None:
        assert list(self.outbox) == self.held
        assert len(self.outbox) == len(self.held)
        assert self.outbox.held == self.size(self.held)
        assert self.outbox.waiting == (self.sent < len(self.sizes))
        assert self.outbox.number == len(self.sizes)
