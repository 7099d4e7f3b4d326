"""Connections that join groups, and what the channel is asked for because of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed

from tpush.message import ConnectionID
from tpush.pusher.audience import Audience


def _ignore(*_: object, **__: object) -> None:
    """Do nothing."""


def _at_once() -> Deferred[None]:
    return succeed(None)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the channel does for groups; by default there is none.

    Args:
        subscribe: has what is published to an event come to this worker.
        unsubscribe: has no more of it come.
        publish: publishes to an event, a str as text; with ``json``, as JSON.
        settled: fires when all that was asked for is in effect.
    """

    subscribe: Callable[[str], object] = _ignore
    unsubscribe: Callable[[str], object] = _ignore
    publish: Callable[..., object] = _ignore
    settled: Callable[[], Deferred[None]] = _at_once


NOWHERE = Exchange()


class TooManyGroups(Exception):
    """A connection is in as many groups as it may be."""


class Groups:
    """Has for each event that anybody has joined one subscription, and for others none.

    Args:
        audience: who is connected.
        most: events that one connection may join.
        exchange: subscribes.
    """

    def __init__(self, audience: Audience[Any], most: int, exchange: Exchange) -> None:
        self._audience = audience
        self._most = most
        self._exchange = exchange

    def join(self, connection: ConnectionID, event: str) -> bool:
        """Let a connection that is there have what is published to *event* from now on.

        Returns:
            Whether it had not joined before.

        Raises:
            TooManyGroups: it has joined as many as it may.
            TooManySubscriptions: this worker has as many as it may.
            InvalidName: no event can be called so.
        """
        joined = self._audience.joined(connection)
        if event in joined:
            return False
        if len(joined) >= self._most:
            raise TooManyGroups(f"{self._most} groups, the most")
        if self._audience.join(connection, event):
            try:
                self._exchange.subscribe(event)
            except Exception:
                self._audience.leave(connection, event)
                raise
        return True

    def leave(self, connection: ConnectionID, event: str) -> bool:
        """Let it have no more of it.

        Returns:
            Whether it had joined.
        """
        joined = event in self._audience.joined(connection)
        if self._audience.leave(connection, event):
            self._exchange.unsubscribe(event)
        return joined

    def remove(self, connection: ConnectionID) -> Sequence[str]:
        """Be told that a connection is gone.

        Returns:
            The events that it had joined.
        """
        joined = self._audience.joined(connection)
        for event in self._audience.remove(connection):
            self._exchange.unsubscribe(event)
        return joined
