"""A connection that is made again whenever it is lost.

Twisted's own `ClientService` does this too, and logs a line for each attempt; a channel that is
away for a night would fill a disk with them. Here the owner is told, and logs what is new.
"""

from collections.abc import Callable
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater

STEADY = 5.0
"""Seconds that a connection has to last for its end not to count as a failure in a row."""

DROP_WAIT = 1.0
"""Seconds that the last bytes have to leave when we stop."""


class Connection(Protocol):
    """What is made again."""

    welcomed: Deferred[None]
    """Fires when the other end has taken us; fails with why not."""

    closed: Deferred[None]
    """Fires when the connection is gone."""

    def drop(self) -> None:
        """End the connection after what was written is sent."""

    def abort(self) -> None:
        """End the connection at once."""


class Reconnecting:
    """Keeps one connection to an endpoint.

    Args:
        endpoint: where to.
        factory: makes the :class:`Connection`.
        clock: tells the time.
        delay: seconds to wait after that many failures in a row, counted from 1.
        failed: is told of each failure.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        factory: Factory,
        clock: IReactorTime,
        delay: Callable[[int], float],
        failed: Callable[[Exception], object],
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._clock = clock
        self._delay = delay
        self._failed = failed
        self._connection: Connection | None = None
        self._stopping = False
        # Not in the caller's turn: a channel is made before a fork, and before the reactor runs.
        self._start = clock.callLater(0, self._begin)
        self._running: Deferred[None] | None = None

    async def stop(self) -> None:
        """Connect no more; returns when the connection that there was is gone."""
        self._stopping = True
        if self._start.active():
            self._start.cancel()
        if self._running is None:
            return
        hurry = None
        if self._connection is not None:
            self._connection.drop()
            hurry = self._clock.callLater(DROP_WAIT, self._connection.abort)
        else:
            self._running.cancel()
        await self._running
        if hurry is not None and hurry.active():
            hurry.cancel()

    def _begin(self) -> None:
        self._running = Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            try:
                if failures:
                    await deferLater(self._clock, self._delay(failures))
                connection = cast(Connection, await self._endpoint.connect(self._factory))
                self._connection = connection
                await connection.welcomed
                began = self._clock.seconds()
                await connection.closed
                if self._clock.seconds() - began > STEADY:
                    failures = 0
            except Exception as error:  # noqa: BLE001 - a name that does not resolve, a refusal, …
                if not self._stopping:
                    self._failed(error)
            self._connection = None
            failures += 1
