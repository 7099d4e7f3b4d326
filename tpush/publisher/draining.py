"""The open connections of a publisher, and their end: running requests are answered."""

from typing import Any, Protocol

from twisted.internet.defer import TimeoutError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tpush.present import Present

ON_THE_WAY = 0.25
"""Seconds for a request that was sent when its client could not know yet that we go away."""


class Leaving(Protocol):
    """One connection."""

    def leave(self) -> None:
        """Answer the request that runs, and close; close now where none does."""

    def abort(self) -> None:
        """End now."""


class Connections:
    """Those that are open."""

    log = Logger()

    def __init__(self) -> None:
        self.last = False
        """Whether each request is the last of its connection."""
        self._open: Present[Leaving] = Present()

    def add(self, connection: Leaving) -> None:
        """Take in one that has opened."""
        self._open.add(connection)

    def discard(self, connection: Leaving) -> None:
        """Forget one that is gone."""
        self._open.discard(connection)

    async def drain(self, clock: Any, within: float) -> None:
        """Answer what runs and what is on its way; returns when all are gone.

        Args:
            clock: tells the time.
            within: seconds after which those that are left are dropped.
        """
        if self._open:
            await deferLater(clock, ON_THE_WAY)
        for connection in self._open:
            connection.leave()
        try:
            await self._open.emptied().addTimeout(within, clock)
        except TimeoutError:
            self.log.warn("{left} requests were not answered in time", left=len(self._open))
            for connection in self._open:
                connection.abort()
