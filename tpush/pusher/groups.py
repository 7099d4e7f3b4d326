"""Connections that join groups, and what the channel is asked for because of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed

from tpush.message import ConnectionID
from tpush.pusher.audience import Audience
from tpush.recalled import Place, Recalled


def _ignore(*_: object, **__: object) -> None:
    """Do nothing."""


def _nothing(places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
    return succeed([Recalled()] * len(places))


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the channel does for groups; by default there is none.

    Args:
        subscribe: has what is published to an event come to this worker.
        unsubscribe: has no more of it come.
        publish: publishes to an event, a str as text; with ``json``, as JSON.
        recall: tells what was published to events before, when all that was asked for is in effect.
    """

    subscribe: Callable[[str], object] = _ignore
    unsubscribe: Callable[[str], object] = _ignore
    publish: Callable[..., object] = _ignore
    recall: Callable[[Sequence[Place], int], Deferred[Sequence[Recalled]]] = _nothing


NOWHERE = Exchange()


class TooManyGroups(Exception):
    """A connection is in as many groups as it may be."""


class _Hold:
    """An event that one connection is about to join."""

    __slots__ = ("joined", "times")

    def __init__(self) -> None:
        self.times = 0
        self.joined = False
        """Whether it has joined meanwhile, if only for a while."""


class Groups:
    """Has for each event that anybody has joined, or is about to, one subscription.

    Args:
        audience: who is connected.
        most: events that one connection may join.
        exchange: subscribes.
    """

    def __init__(self, audience: Audience[Any], most: int, exchange: Exchange) -> None:
        self._audience = audience
        self._most = most
        self._exchange = exchange
        self._held: dict[str, dict[ConnectionID, _Hold]] = {}
        """Those who are about to join."""

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
        if self._audience.join(connection, event) and event not in self._held:
            try:
                self._exchange.subscribe(event)
            except Exception:
                self._audience.leave(connection, event)
                raise
        hold = self._held.get(event, {}).get(connection)
        if hold is not None:
            hold.joined = True
        return True

    def has_joined(self, connection: ConnectionID, event: str) -> bool:
        """Say whether a connection has joined an event."""
        return event in self._audience.joined(connection)

    def hold(self, connection: ConnectionID, event: str) -> None:
        """Have what is published to *event* come for one who will join; until :meth:`release`.

        Raises:
            TooManySubscriptions: this worker has as many as it may.
        """
        if event not in self._held and event not in self._audience.events:
            self._exchange.subscribe(event)
        hold = self._held.setdefault(event, {}).setdefault(connection, _Hold())
        hold.times += 1

    def joined_meanwhile(self, connection: ConnectionID, event: str) -> bool:
        """Say whether one for whom an event is held has joined it, if only for a while."""
        return self._held[event][connection].joined

    def release(self, connection: ConnectionID, event: str) -> None:
        """Be told that it has joined, or will not."""
        holds = self._held[event]
        holds[connection].times -= 1
        if not holds[connection].times:
            del holds[connection]
        if not holds:
            del self._held[event]
            if event not in self._audience.events:
                self._exchange.unsubscribe(event)

    def leave(self, connection: ConnectionID, event: str) -> bool:
        """Let it have no more of it.

        Returns:
            Whether it had joined.
        """
        joined = self.has_joined(connection, event)
        if self._audience.leave(connection, event):
            self._unsubscribe(event)
        return joined

    def remove(self, connection: ConnectionID) -> Sequence[str]:
        """Be told that a connection is gone.

        Returns:
            The events that it had joined.
        """
        joined = self._audience.joined(connection)
        for event in self._audience.remove(connection):
            self._unsubscribe(event)
        return joined

    def _unsubscribe(self, event: str) -> None:
        if event not in self._held:
            self._exchange.unsubscribe(event)
