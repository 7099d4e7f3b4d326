"""Receipts on their way: who has told, and who has to."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.channel.receipts import Receipts
from tpush.errors import OutboxFull
from tpush.message import WorkerID
from tpush.receipt import Counts, Receipt, Ticket

A, B, C = WorkerID(1), WorkerID(2), WorkerID(3)
TICKET = Ticket(b"t")
Step = WorkerID | frozenset[WorkerID]
"""Either one worker tells, or it becomes known that these have to."""

workers = st.sampled_from([A, B, C])
steps: st.SearchStrategy[Step] = st.one_of(workers, st.frozensets(workers))


class ReceiptsTests(SynchronousTestCase):
    """A receipt is complete when all have told whom the message went to."""

    def open(self) -> Receipts:
        receipts = Receipts(2)
        receipts.open(TICKET)
        return receipts

    def test_sum(self) -> None:
        """Counts are summed over the workers."""
        receipts = self.open()
        self.assertIsNone(receipts.expect(TICKET, [A, B]))
        self.assertIsNone(receipts.tell(TICKET, A, Counts(1, 2, 3)))
        self.assertEqual(
            receipts.tell(TICKET, B, Counts(10, 20, 30)), Receipt(Counts(11, 22, 33), 2, 0)
        )
        self.assertEqual(len(receipts), 0)

    def test_to_nobody(self) -> None:
        """A message that went to no worker has its receipt at once."""
        self.assertEqual(self.open().expect(TICKET, []), Receipt(Counts(), 0, 0))

    def test_told_before(self) -> None:
        """A worker may tell before it is known who has to."""
        receipts = self.open()
        self.assertIsNone(receipts.tell(TICKET, A, Counts(1)))
        self.assertEqual(receipts.expect(TICKET, [A]), Receipt(Counts(1), 1, 0))

    def test_told_twice(self) -> None:
        """A worker that tells again is not counted again."""
        receipts = self.open()
        receipts.expect(TICKET, [A, B])
        for _ in range(2):
            self.assertIsNone(receipts.tell(TICKET, A, Counts(1)))
        receipts.tell(TICKET, A, Counts(dropped=1))
        self.assertEqual(receipts.tell(TICKET, B, Counts()), Receipt(Counts(1), 2, 0))

    def test_routed_anew(self) -> None:
        """After a broker's death the next one says who has to, besides those of the first."""
        receipts = self.open()
        receipts.expect(TICKET, [A, C])
        receipts.tell(TICKET, A, Counts(1))
        self.assertIsNone(receipts.expect(TICKET, [A, B]))
        self.assertIsNone(receipts.tell(TICKET, B, Counts(2)))
        self.assertEqual(receipts.tell(TICKET, C, Counts(4)), Receipt(Counts(7), 3, 0))

    def test_give_up(self) -> None:
        """A receipt that is not complete says how many are missing, if that is known."""
        receipts = self.open()
        other = Ticket(b"u")
        receipts.open(other)
        self.assertEqual(receipts.give_up(other), Receipt(Counts(), 0, None))
        self.assertEqual(receipts.tickets, [TICKET])
        receipts.expect(TICKET, [A, B])
        receipts.tell(TICKET, A, Counts(1))
        receipt = receipts.give_up(TICKET)
        self.assertEqual(receipt, Receipt(Counts(1), 1, 1))
        self.assertEqual(len(receipts), 0)
        self.assertEqual(
            receipt.as_dict(),
            {"matched": 1, "written": 1, "dropped": 0, "pending": 0, "workers": 1, "missing": 1},
        )

    def test_settle(self) -> None:
        """One that is known by other means is waited for no more."""
        receipts = self.open()
        self.assertEqual([receipts.settle(TICKET), receipts.settle(TICKET)], [True, False])
        self.assertEqual(len(receipts), 0)

    def test_unknown(self) -> None:
        """What comes late, or was never waited for, changes nothing."""
        receipts = Receipts(2)
        self.assertIsNone(receipts.expect(TICKET, []))
        self.assertIsNone(receipts.tell(TICKET, A, Counts()))
        self.assertEqual(receipts.tickets, [])

    def test_bound(self) -> None:
        """As many are waited for as may be, and no more."""
        receipts = self.open()
        receipts.open(Ticket(b"u"))
        self.assertRaises(OutboxFull, receipts.open, Ticket(b"v"))
        self.assertEqual(receipts.tickets, [TICKET, b"u"])

    @cases(200)
    @given(st.lists(steps, max_size=12))
    def test_any_order(self, steps: list[Step]) -> None:
        """In whatever order they come, it is complete as soon as it can be, each counted once."""
        receipts, known = self.open(), False
        expected: set[WorkerID] = set()
        told: set[WorkerID] = set()
        for step in steps:
            if isinstance(step, frozenset):
                expected, known = expected | step, True
                receipt = receipts.expect(TICKET, step)
            else:
                told.add(step)
                receipt = receipts.tell(TICKET, step, Counts(1))
            if known and expected <= told:
                self.assertEqual(receipt, Receipt(Counts(len(told)), len(told), 0))
                return
            self.assertIsNone(receipt)
