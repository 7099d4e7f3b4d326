"""The end of a worker's clients: not all at once, as they would all come back at once."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.task import deferLater

from tpush.limits import Limits
from tpush.pusher.closing import GOING_AWAY, Close

TICK = 0.05
"""Seconds between two lots of clients that are closed."""


class Leaving(Protocol):
    """One client."""

    def leave(self, close: Close) -> None:
        """Close, once all that waits for this client has been sent."""


class Clients(Protocol):
    """The clients of a worker that takes no new ones."""

    def everyone(self) -> Iterable[Leaving]:
        """Return all that there are now."""
        ...

    def flush(self) -> None:
        """Write what waits to be joined."""

    def emptied(self) -> Deferred[None]:
        """Return what fires when the last one is gone."""
        ...

    def abort_all(self) -> None:
        """Drop those that are left."""


async def drain(clients: Clients, clock: Any, limits: Limits) -> None:
    """Close all clients with 1001; returns when the last one is gone.

    They are closed at ``limits.drain_rate``, or faster where that is needed for all to be gone
    within ``limits.drain_within``; then those are dropped that do not answer.

    Args:
        clients: whose.
        clock: tells the time.
        limits: the rate and the times.
    """
    await send_away(clients, clock, limits, GOING_AWAY)
    try:
        await clients.emptied().addTimeout(limits.close_wait, clock)
    except TimeoutError:
        clients.abort_all()


async def send_away(clients: Clients, clock: Any, limits: Limits, close: Close) -> None:
    """Begin to close all clients that there are now, at that rate.

    Args:
        clients: whose.
        clock: tells the time.
        limits: the rate and the times.
        close: what they are told.
    """
    waiting = deque(clients.everyone())
    within = limits.drain_within - limits.close_wait
    rate = max(limits.drain_rate, len(waiting) / max(within, TICK))
    began, closed = clock.seconds(), 0
    while True:
        clients.flush()  # what was accepted is sent first
        due = int((clock.seconds() - began + TICK) * rate) + 1
        while waiting and closed < due:
            waiting.popleft().leave(close)  # those who are gone are not kept
            closed += 1
        if not waiting:
            return
        await deferLater(clock, TICK)
