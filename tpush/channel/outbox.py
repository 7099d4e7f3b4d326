"""Numbers, what is unacknowledged, what to send again.

Each direction of a link is one stream of numbered items. The sender keeps an item until its number
is acknowledged; acknowledgements are cumulative. When a link is lost everything unacknowledged
becomes unsent again, in order, and the receiver drops what it has seen: together that is delivery
once and in order over any number of links, as long as the sender lives.

::

    acknowledged │ sent, kept        │ waiting
    ─────────────┼───────────────────┼────────────▶ numbers
                 └ rewind() moves all of it back to waiting
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Generic, TypeVar

from tpush.errors import OutboxFull

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """The sending end of one numbered stream.

    Args:
        items: how many may be held; None is without bound.
        size: the sum of their sizes that may be held; None is without bound.
    """

    __slots__ = ("_furthest", "_held", "_items", "_number", "_sent", "_size", "_waiting")

    def __init__(self, *, items: int | None = None, size: int | None = None) -> None:
        self._items = items
        self._size = size
        self._held = 0
        self._number = 0
        self._furthest = 0
        self._sent: deque[tuple[int, Item, int]] = deque()
        self._waiting: deque[tuple[int, Item, int]] = deque()

    def __len__(self) -> int:
        """Count what is held: sent or waiting, and not acknowledged."""
        return len(self._sent) + len(self._waiting)

    def __iter__(self) -> Iterator[Item]:
        """Go through what is held, in order."""
        return (item for _, item, _ in chain(self._sent, self._waiting))

    @property
    def number(self) -> int:
        """The number of the newest item, 0 before the first."""
        return self._number

    @property
    def acknowledged(self) -> int:
        """The number of the newest item that is not held any more."""
        return self._number - len(self)

    @property
    def sent(self) -> int:
        """The highest number that was ever sent, 0 before the first."""
        return self._furthest

    @property
    def held(self) -> int:
        """The sum of the sizes of what is held."""
        return self._held

    @property
    def waiting(self) -> bool:
        """Whether anything is to be sent."""
        return bool(self._waiting)

    def append(self, item: Item, size: int = 0, *, bounded: bool = True) -> int:
        """Number one more item and hold it.

        Args:
            item: what is to be sent.
            size: what it counts towards the bound.
            bounded: False for what must not be refused.

        Returns:
            Its number, one more than that of the item before it.

        Raises:
            OutboxFull: a bound is reached; nothing was added.
        """
        if bounded and self._items is not None and len(self) >= self._items:
            raise OutboxFull(
                f"{len(self)} publishes wait for the channel, the most held: try later"
            )
        if bounded and self._size is not None and self._held + size > self._size:
            raise OutboxFull(f"{self._held} bytes wait for the channel, near the most: try later")
        self._number += 1
        self._held += size
        self._waiting.append((self._number, item, size))
        return self._number

    def take(self, items: int, size: int) -> list[tuple[int, Item]]:
        """Take what is to be sent next: it counts as sent from now on.

        Args:
            items: how many at the most.
            size: after this sum of sizes no further one is taken; the first always is.

        Returns:
            Numbers and items, in order.
        """
        taken: list[tuple[int, Item]] = []
        total = 0
        waiting, sent = self._waiting, self._sent
        while waiting and len(taken) < items and total < size:
            record = waiting.popleft()
            sent.append(record)
            taken.append((record[0], record[1]))
            total += record[2]
        if taken:
            self._furthest = max(self._furthest, taken[-1][0])
        return taken

    def acknowledge(self, number: int) -> list[Item]:
        """Let go of all items up to *number*; one that was let go already is no error.

        Returns:
            The items let go, in order.

        Raises:
            ValueError: *number* was never sent.
        """
        if number > self._furthest:
            raise ValueError(f"{number} is acknowledged and was never sent")
        freed = []
        # After a rewind what the other end had received waits again: it is let go there.
        for records in self._sent, self._waiting:
            while records and records[0][0] <= number:
                _, item, size = records.popleft()
                self._held -= size
                freed.append(item)
        return freed

    def rewind(self) -> None:
        """Let everything unacknowledged wait again: the link that it was sent over is gone."""
        self._waiting.extendleft(reversed(self._sent))
        self._sent.clear()

    def clear(self) -> list[Item]:
        """Let go of everything, as nobody will acknowledge it; return it in order."""
        items = list(self)
        self._sent.clear()
        self._waiting.clear()
        self._held = 0
        return items
