"""Who gets what: pure routing.

A hub knows peers (any hashable) and the events they subscribed to, nothing else: no links, no
messages, no time. Its two rules: a message goes to each subscriber of its event once, and a
message for one goes to the subscriber that has waited longest.

The order of each event's subscribers is the turn: whoever is chosen goes to the end. An event
without subscribers and a peer without subscriptions leave no trace.
"""

from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar

Peer = TypeVar("Peer", bound=Hashable)


class Hub(Generic[Peer]):
    """Subscriptions, by event and by peer."""

    __slots__ = ("_events", "_subscribers")

    def __init__(self) -> None:
        self._subscribers: dict[str, dict[Peer, None]] = {}
        self._events: dict[Peer, set[str]] = {}

    def __len__(self) -> int:
        """Count the subscriptions."""
        return sum(map(len, self._events.values()))

    def subscribe(self, peer: Peer, event: str) -> bool:
        """Let *peer* have what is published to *event*; it may have subscribed before.

        Returns:
            Whether nobody had.
        """
        subscribers = self._subscribers.setdefault(event, {})
        first = not subscribers
        subscribers[peer] = None
        self._events.setdefault(peer, set()).add(event)
        return first

    def unsubscribe(self, peer: Peer, event: str) -> bool:
        """Take one subscription back; it need not be there.

        Returns:
            Whether it was the last.
        """
        events = self._events.get(peer)
        if events is None or event not in events:
            return False
        events.remove(event)
        if not events:
            del self._events[peer]
        subscribers = self._subscribers[event]
        del subscribers[peer]
        if not subscribers:
            del self._subscribers[event]
        return not subscribers

    def leave(self, peer: Peer) -> list[str]:
        """Take all subscriptions of *peer* back.

        Returns:
            The events of which it had the last.
        """
        return [event for event in self.events(peer) if self.unsubscribe(peer, event)]

    def events(self, peer: Peer) -> list[str]:
        """List what *peer* subscribed to, sorted."""
        return sorted(self._events.get(peer, ()))

    def count(self, peer: Peer) -> int:
        """Count what *peer* subscribed to."""
        return len(self._events.get(peer, ()))

    def subscribers(self, event: str) -> Collection[Peer]:
        """Return those that get a message published to *event*."""
        return self._subscribers.get(event, ())

    def choose(self, event: str, prefer: Callable[[Peer], bool]) -> Peer | None:
        """Choose the one that gets a message for one subscriber of *event*.

        Args:
            event: where it was published.
            prefer: true for peers that come before all others.

        Returns:
            The first in turn of the preferred, else of all; None where nobody subscribed.
        """
        subscribers = self._subscribers.get(event)
        if not subscribers:
            return None
        chosen = next(filter(prefer, subscribers), None)
        if chosen is None:
            chosen = next(iter(subscribers))
        del subscribers[chosen]
        subscribers[chosen] = None
        return chosen
