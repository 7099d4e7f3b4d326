"""Keys that make a publish harmless to repeat: which were had, and what was answered. Pure.

A publish with a key that another one had before is not carried out again. Whoever wants to know
what became of it is told what the first one was told, as soon as that is known.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from tpush.receipt import Receipt

Waiter = TypeVar("Waiter", bound=Hashable)

MAX_WAITERS = 100
"""That wait for what became of one publish; one more is told that it is not known."""


class Known(Generic[Waiter]):
    """A publish that was had.

    Args:
        until: when its key is forgotten.
        publisher: who will tell what became of it.
        asked: whether its publisher wants to know that, and so will tell.
    """

    __slots__ = ("asked", "publisher", "receipt", "until", "waiters")

    def __init__(self, until: float, publisher: bytes, *, asked: bool) -> None:
        self.until = until
        self.publisher = publisher
        self.asked = asked
        self.receipt: Receipt | None = None
        self.waiters: list[Waiter] = []

    def ask(self, waiter: Waiter) -> bool:
        """Let one wait for the receipt; return whether it will be told later."""
        waits = self.receipt is None and self.asked and len(self.waiters) < MAX_WAITERS
        if waits:
            self.waiters.append(waiter)
        return waits


class Keys(Generic[Waiter]):
    """The keys of the last minutes.

    Args:
        most: keys that are kept; the oldest goes first.
        seconds: that one is kept.
    """

    __slots__ = ("_known", "_most", "_seconds")

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._known: OrderedDict[str, Known[Waiter]] = OrderedDict()

    def __len__(self) -> int:
        """Count the keys."""
        return len(self._known)

    def take(self, key: str, publisher: bytes, now: float, *, asked: bool) -> Known[Waiter] | None:
        """Take a publish with a key.

        Args:
            key: of the publish.
            publisher: whose it is.
            now: the time.
            asked: whether its publisher wants to know what became of it.

        Returns:
            The one that had it before; None where this is the first.
        """
        self._forget(now)
        known = self._known.get(key)
        if known is None:
            self._known[key] = Known(now + self._seconds, publisher, asked=asked)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return known

    def answer(self, key: str, publisher: bytes, receipt: Receipt) -> list[Waiter]:
        """Take what a publisher was told; return who waits to be told the same.

        Who has repeated the publish knows it from here, or has given it up: that is nothing new.
        """
        known = self._known.get(key)
        if known is None or known.publisher != publisher:
            return []
        if known.receipt is not None and known.receipt.complete:
            return []
        known.receipt = receipt
        waiters, known.waiters = known.waiters, []
        return waiters

    def _forget(self, now: float) -> None:
        while self._known and next(iter(self._known.values())).until <= now:
            self._known.popitem(last=False)
