"""What was seen already, and what a publisher can be told."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.channel.inbox import Ledger, Pending, Seen
from tpush.errors import ProtocolViolation

ADA, BOB = b"ada", b"bob"


class SeenTests(SynchronousTestCase):
    def test_new_once(self) -> None:
        """A number of a publisher is new once."""
        seen = Seen(keep=10, now=0)
        self.assertTrue(seen.new(ADA, 1, now=0))
        self.assertFalse(seen.new(ADA, 1, now=0))

    def test_numbers_only_grow(self) -> None:
        """Whatever is not above the last number was seen; gaps are no matter."""
        seen = Seen(keep=10, now=0)
        self.assertTrue(seen.new(ADA, 7, now=0))
        self.assertFalse(seen.new(ADA, 6, now=0))
        self.assertTrue(seen.new(ADA, 9, now=0))

    def test_each_publisher(self) -> None:
        """Each publisher has numbers of its own."""
        seen = Seen(keep=10, now=0)
        self.assertTrue(seen.new(ADA, 5, now=0))
        self.assertTrue(seen.new(BOB, 1, now=0))
        self.assertEqual(len(seen), 2)

    def test_zero(self) -> None:
        """Numbers start from 1."""
        self.assertFalse(Seen(keep=10, now=0).new(ADA, 0, now=0))

    def test_remembered_for_keep(self) -> None:
        """A publisher that is silent for up to *keep* is remembered, whenever it spoke."""
        for spoke in (0, 5, 9.9):
            seen = Seen(keep=10, now=0)
            seen.new(ADA, 3, now=spoke)
            self.assertFalse(seen.new(ADA, 3, now=spoke + 10), spoke)

    def test_forgotten_after_twice_keep(self) -> None:
        """A publisher that was silent for twice *keep* leaves no trace."""
        seen = Seen(keep=10, now=0)
        seen.new(ADA, 3, now=9)
        seen.new(BOB, 1, now=19)
        seen.new(BOB, 2, now=29)
        self.assertEqual(len(seen), 1)
        self.assertTrue(seen.new(ADA, 3, now=29))

    def test_all_silent(self) -> None:
        """Where nobody spoke for twice *keep*, all are forgotten."""
        seen = Seen(keep=10, now=0)
        seen.new(ADA, 3, now=9)
        self.assertTrue(seen.new(BOB, 1, now=30))
        self.assertEqual(len(seen), 1)

    def test_one_that_speaks_stays(self) -> None:
        """A publisher that goes on speaking is never forgotten."""
        seen = Seen(keep=10, now=0)
        for number in range(1, 100):
            self.assertTrue(seen.new(ADA, number, now=number * 7))
            self.assertFalse(seen.new(ADA, number, now=number * 7))


class LedgerTests(SynchronousTestCase):
    def accept(self, ledger: Ledger, number: int) -> Pending:
        pending = ledger.accept(number)
        assert pending is not None
        return pending

    def test_acknowledged_in_order(self) -> None:
        """A number is acknowledged when it and all before it are settled."""
        ledger = Ledger()
        first, second, third = (self.accept(ledger, number) for number in (1, 2, 3))
        self.assertFalse(second.settle())
        self.assertEqual((ledger.acknowledged, len(ledger)), (0, 3))
        self.assertTrue(first.settle())
        self.assertEqual((ledger.acknowledged, len(ledger)), (2, 1))
        self.assertTrue(third.settle())
        self.assertEqual((ledger.acknowledged, len(ledger)), (3, 0))

    def test_waits_for_all(self) -> None:
        """An item is settled when all that it waits for have settled it."""
        ledger = Ledger()
        pending = self.accept(ledger, 1)
        pending.waiting += 2
        self.assertFalse(pending.settle())
        self.assertFalse(pending.settle())
        self.assertTrue(pending.settle())

    def test_accepted_before(self) -> None:
        """A number that was accepted before is passed over, settled or not."""
        ledger = Ledger()
        self.accept(ledger, 1).settle()
        self.accept(ledger, 2)
        self.assertIsNone(ledger.accept(1))
        self.assertIsNone(ledger.accept(2))
        self.assertEqual((ledger.received, len(ledger)), (2, 1))

    def test_first_of_a_broker(self) -> None:
        """A publisher whose older numbers another broker acknowledged starts anywhere."""
        ledger = Ledger()
        self.accept(ledger, 1000).settle()
        self.assertEqual(ledger.acknowledged, 1000)

    def test_gap(self) -> None:
        """A number that is missing is a violation, and nothing is accepted."""
        ledger = Ledger()
        self.accept(ledger, 1)
        self.assertRaises(ProtocolViolation, ledger.accept, 3)
        self.assertEqual((ledger.received, len(ledger)), (1, 1))

    @cases(80)
    @given(st.integers(1, 50), st.lists(st.integers(1, 3), max_size=12), st.randoms())
    def test_any_order(self, first: int, waits: list[int], random: object) -> None:
        """In whatever order items settle, acknowledgements grow and never run ahead."""
        ledger = Ledger()
        left = dict(enumerate(waits, first))
        pendings = {}
        for number, wait in left.items():
            pendings[number] = self.accept(ledger, number)
            pendings[number].waiting = wait
        order = [number for number, wait in left.items() for _ in range(wait)]
        random.shuffle(order)  # type: ignore[attr-defined]
        for number in order:
            before = ledger.acknowledged
            told = pendings[number].settle()
            left[number] -= 1
            open_ = [each for each, wait in left.items() if wait]
            settled = (min(open_) if open_ else first + len(waits)) - 1
            self.assertEqual(ledger.acknowledged, settled if settled >= first else 0)
            self.assertEqual(told, ledger.acknowledged > before)
        self.assertEqual(len(ledger), 0)
