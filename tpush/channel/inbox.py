"""What was seen already, and what to acknowledge.

A worker keeps the last number of each publisher (:class:`Seen`): numbers only grow, and order
holds, so whatever is not above it was delivered before. The broker keeps, for each publisher, the
items that some worker has yet to acknowledge (:class:`Ledger`): a publisher's number is
acknowledged when it and all before it are settled.
"""

from collections import deque

from tpush.errors import ProtocolViolation


class Seen:
    """Tells new from seen, for any number of publishers.

    A publisher that was silent for one to two times *keep* is forgotten. It holds an item that
    was seen here for so long only if it was cut off all that time.

    Args:
        keep: seconds.
        now: the time at the start.
    """

    __slots__ = ("_keep", "_older", "_recent", "_turn")

    def __init__(self, keep: float, now: float) -> None:
        self._keep = keep
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}
        self._turn = now + keep

    def __len__(self) -> int:
        """Count the publishers remembered."""
        return len(self._recent.keys() | self._older.keys())

    def new(self, origin: bytes, number: int, now: float) -> bool:
        """Say whether this number of this publisher was not seen before, and remember it."""
        if now >= self._turn:
            # Two generations instead of a time for each: forgetting costs nothing a message.
            idle = now >= self._turn + self._keep
            self._older = {} if idle else self._recent
            self._recent = {}
            self._turn = now + self._keep
        last = self._recent.get(origin)
        if last is None:
            last = self._older.get(origin, 0)
        if number <= last:
            return False
        self._recent[origin] = number
        return True


class Pending:
    """One item of a publisher that is not settled while *waiting* is above 0."""

    __slots__ = ("ledger", "number", "waiting")

    def __init__(self, ledger: "Ledger", number: int) -> None:
        self.ledger = ledger
        self.number = number
        self.waiting = 1

    def settle(self) -> bool:
        """Take one off what it waits for.

        Returns:
            Whether its publisher can be told of a higher number now.
        """
        self.waiting -= 1
        return not self.waiting and self.ledger.advance()


class Ledger:
    """What the broker has accepted of one publisher and not acknowledged yet."""

    __slots__ = ("_pending", "acknowledged", "received")

    def __init__(self) -> None:
        self.received = 0
        self.acknowledged = 0
        self._pending: deque[Pending] = deque()

    def __len__(self) -> int:
        """Count what is accepted and not acknowledged."""
        return len(self._pending)

    def accept(self, number: int) -> Pending | None:
        """Take one numbered item in; it waits for one settlement to begin with.

        Returns:
            Its record, or None where it was accepted before.

        Raises:
            ProtocolViolation: numbers are missing in between: something was lost on the way.
        """
        if number <= self.received:
            return None
        if self.received and number != self.received + 1:
            raise ProtocolViolation(f"number {number} after {self.received}")
        self.received = number
        pending = Pending(self, number)
        self._pending.append(pending)
        return pending

    def advance(self) -> bool:
        """Acknowledge what is settled from the front; return whether there was any."""
        before = self.acknowledged
        while self._pending and not self._pending[0].waiting:
            self.acknowledged = self._pending.popleft().number
        return self.acknowledged > before
