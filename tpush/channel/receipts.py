"""Receipts on their way: who has told, and who has to. Pure.

The broker says which workers a message went to; each of them tells what became of it there, once.
After the death of the broker another one may say it anew: both count, as who had it from the first
may not be back with the second, and his clients have it all the same.
"""

from collections.abc import Collection

from tpush.errors import OutboxFull
from tpush.message import WorkerID
from tpush.receipt import Counts, Receipt, Ticket


class _Open:
    __slots__ = ("expected", "told")

    def __init__(self) -> None:
        self.expected: frozenset[WorkerID] | None = None
        self.told: dict[WorkerID, tuple[Counts, bytes]] = {}

    def receipt(self) -> Receipt:
        missing = None if self.expected is None else len(self.expected - self.told.keys())
        told = self.told.values()
        counts = sum((counts for counts, _ in told), Counts())
        return Receipt(counts, len(told), missing, tuple(reply for _, reply in told if reply))


class Receipts:
    """The receipts that one program waits for.

    Args:
        most: how many at once.
    """

    __slots__ = ("_most", "_open")

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Ticket, _Open] = {}

    def __len__(self) -> int:
        """Count those that are waited for."""
        return len(self._open)

    @property
    def tickets(self) -> list[Ticket]:
        """Those that are waited for, the oldest first."""
        return list(self._open)

    def open(self, ticket: Ticket) -> None:
        """Wait for one.

        Raises:
            OutboxFull: as many are waited for as may be.
        """
        if len(self._open) >= self._most:
            raise OutboxFull(f"{len(self._open)} receipts are waited for, the most: try later")
        self._open[ticket] = _Open()

    def expect(self, ticket: Ticket, workers: Collection[WorkerID]) -> Receipt | None:
        """Take from the broker which workers it went to; return the receipt if it is complete."""
        one = self._open.get(ticket)
        if one is None:
            return None
        one.expected = (one.expected or frozenset()) | frozenset(workers)
        return self._take_complete(ticket, one)

    def tell(
        self, ticket: Ticket, worker: WorkerID, counts: Counts, reply: bytes = b""
    ) -> Receipt | None:
        """Take what became of it in one worker; return the receipt if it is complete."""
        one = self._open.get(ticket)
        if one is None:
            return None
        one.told.setdefault(worker, (counts, reply))
        return self._take_complete(ticket, one)

    def settle(self, ticket: Ticket) -> bool:
        """Wait for one no more, whose receipt is known by other means; return whether it was."""
        return self._open.pop(ticket, None) is not None

    def give_up(self, ticket: Ticket) -> Receipt:
        """Return the receipt as far as it is known, and wait for it no more."""
        return self._open.pop(ticket).receipt()

    def _take_complete(self, ticket: Ticket, one: _Open) -> Receipt | None:
        receipt = one.receipt()
        if not receipt.complete:
            return None
        del self._open[ticket]
        return receipt
