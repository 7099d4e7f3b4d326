"""Receipts that a program waits for, on a clock."""

from dataclasses import replace
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.channel.awaited import AwaitedReceipts
from tpush.errors import OutboxFull
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.receipt import Counts, Receipt, Ticket

WORKER = WorkerID(1)
ONE, TWO, THREE = map(Ticket, (b"1", b"2", b"3"))
WAIT = 5.0


class AwaitedReceiptsTests(SynchronousTestCase):
    """Each fires once: when it is complete, when its time is over, or when all are given up."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.awaited = AwaitedReceipts(self.clock, replace(Limits(), receipts=2, receipt_wait=WAIT))
        self.published: list[Ticket] = []

    def request(self, ticket: Ticket) -> Deferred[Receipt]:
        return self.awaited.request(ticket, lambda: self.published.append(ticket))

    def note(self, fired: list[Ticket], ticket: Ticket, _: Receipt) -> None:
        fired.append(ticket)

    def test_complete(self) -> None:
        """One fires when all have told, and leaves no timer; what comes then changes nothing."""
        receipt = self.request(ONE)
        self.awaited.expect(ONE, [WORKER])
        self.assertNoResult(receipt)
        for _ in range(2):
            self.awaited.tell(ONE, WORKER, Counts(3), b"")
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(3), 1, 0))
        self.assertEqual((self.clock.getDelayedCalls(), self.awaited._waiting), ([], {}))

    def test_in_time(self) -> None:
        """When its time is over one fires as far as it is known."""
        receipt = self.request(ONE)
        self.awaited.expect(ONE, [WORKER])
        self.clock.advance(WAIT - 0.01)
        self.assertNoResult(receipt)
        self.clock.advance(0.01)
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(), 0, 1))
        self.awaited.tell(ONE, WORKER, Counts(3), b"")

    def test_not_published(self) -> None:
        """What cannot be published says so, and nothing is waited for."""
        for ticket in (ONE, TWO, THREE):
            self.assertRaises(ZeroDivisionError, self.awaited.request, ticket, lambda: 1 / 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNoResult(self.request(ONE))

    def test_bound(self) -> None:
        """As many are waited for as may be: one more is not published, until another has fired."""
        first = self.request(ONE)
        self.assertNoResult(self.request(TWO))
        self.assertRaises(OutboxFull, self.request, THREE)
        self.assertEqual(self.published, [ONE, TWO])
        self.awaited.expect(ONE, [])
        self.successResultOf(first)
        self.assertNoResult(self.request(THREE))

    def test_published_before(self) -> None:
        """One whose message was published before fires with what became of that; once."""
        receipt = self.request(ONE)
        known = Receipt(Counts(7), 2, 0)
        self.awaited.settle(TWO, known)
        self.assertNoResult(receipt)
        for _ in range(2):
            self.awaited.settle(ONE, known)
        self.assertEqual(self.successResultOf(receipt), known)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for ticket in (TWO, THREE):
            self.assertNoResult(self.request(ticket))

    def test_given_up(self) -> None:
        """All fire at once, the oldest first."""
        fired: list[Ticket] = []
        for ticket in (TWO, ONE):
            _noted = self.request(ticket).addCallback(partial(self.note, fired, ticket))
        self.awaited.give_up_all()
        self.assertEqual(fired, [TWO, ONE])
        self.assertEqual(self.clock.getDelayedCalls(), [])
