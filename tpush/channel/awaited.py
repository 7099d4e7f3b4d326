"""Receipts that a program waits for, each with its Deferred and its time limit."""

from collections.abc import Callable, Collection

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.channel.receipts import Receipts
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.receipt import Counts, Receipt, Ticket


class AwaitedReceipts:
    """Fires a Deferred for each receipt when it is complete, or when its time is over.

    Args:
        clock: tells the time.
        limits: ``receipts`` and ``receipt_wait``.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self._clock = clock
        self._wait = limits.receipt_wait
        self._receipts = Receipts(limits.receipts)
        self._waiting: dict[Ticket, tuple[Deferred[Receipt], IDelayedCall]] = {}

    def request(self, ticket: Ticket, publish: Callable[[], object]) -> Deferred[Receipt]:
        """Publish, and wait for the receipt.

        Args:
            ticket: names the message.
            publish: what it raises, this call raises, and nothing is waited for.

        Raises:
            OutboxFull: as many are waited for as may be; nothing was published.
        """
        self._receipts.open(ticket)
        try:
            publish()
        except Exception:
            self._receipts.give_up(ticket)
            raise
        waiting: Deferred[Receipt] = Deferred()
        timer = self._clock.callLater(self._wait, self._give_up, ticket)
        self._waiting[ticket] = waiting, timer
        return waiting

    def expect(self, ticket: Ticket, workers: Collection[WorkerID]) -> None:
        """Take from the broker which workers it went to."""
        self._fire(ticket, self._receipts.expect(ticket, workers))

    def tell(self, ticket: Ticket, worker: WorkerID, counts: Counts, reply: bytes) -> None:
        """Take from a worker what became of it there."""
        self._fire(ticket, self._receipts.tell(ticket, worker, counts, reply))

    def settle(self, ticket: Ticket, receipt: Receipt) -> None:
        """Take from the broker what became of a message that was published before."""
        if self._receipts.settle(ticket):
            self._fire(ticket, receipt)

    def give_up_all(self) -> None:
        """Fire all of them as far as they are known."""
        for ticket in self._receipts.tickets:
            self._give_up(ticket)

    def _give_up(self, ticket: Ticket) -> None:
        self._fire(ticket, self._receipts.give_up(ticket))

    def _fire(self, ticket: Ticket, receipt: Receipt | None) -> None:
        if receipt is None:
            return
        waiting, timer = self._waiting.pop(ticket)
        if timer.active():
            timer.cancel()
        waiting.callback(receipt)
