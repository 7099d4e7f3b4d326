"""Events that wait to be told, and how they go in batches. Pure.

Where there is no room the oldest go: a back end that was away wants to know how things are now, and
the last that happened to each client says so.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait, and how much goes at once.

    Args:
        events: that wait.
        size: the same in bytes.
        batch: events of one batch.
        batch_size: the same in bytes; one event alone may be more.
    """

    events: int
    size: int
    batch: int
    batch_size: int


class EventQueue:
    """Events in the order in which they happened, each as the JSON that it is sent as.

    Args:
        bounds: how many.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waiting: deque[bytes] = deque()
        self._size = 0

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def add(self, event: bytes) -> int:
        """Let one more wait.

        Returns:
            How many had to go for it, or 1 where it finds no room at all.
        """
        if len(event) > self._bounds.size:
            return 1
        self._waiting.append(event)
        self._size += len(event)
        lost = 0
        while len(self._waiting) > self._bounds.events or self._size > self._bounds.size:
            self._next()
            lost += 1
        return lost

    def take(self) -> Sequence[bytes]:
        """Return the next batch; nothing where none waits."""
        batch: list[bytes] = []
        size = 0
        while self._waiting and len(batch) < self._bounds.batch:
            size += len(self._waiting[0])
            if batch and size > self._bounds.batch_size:
                break
            batch.append(self._next())
        return batch

    def clear(self) -> int:
        """Forget all that wait; return how many they were."""
        lost = len(self._waiting)
        self._waiting.clear()
        self._size = 0
        return lost

    def _next(self) -> bytes:
        event = self._waiting.popleft()
        self._size -= len(event)
        return event


def body_of(batch: Sequence[bytes], dropped: int) -> bytes:
    """Return what is sent of a batch.

    Args:
        batch: its events.
        dropped: events that were not told, since the worker has started.
    """
    return b'{"dropped":%d,"events":[%b]}' % (dropped, b",".join(batch))
