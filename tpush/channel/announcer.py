"""What the channel itself tells those who listen: which groups have members, and who is gone.

It is published as any message is, with the broker for its publisher, and costs nothing where nobody
listens.
"""

import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from tpush.channel.hub import Hub
from tpush.channel.inbox import Ledger, Pending
from tpush.channel.items import Delivery
from tpush.channel.session import Session
from tpush.message import GONE, OCCUPANCY, Message, WorkerID, group_event

GROUP = group_event("")
"""What the events of groups begin with."""


class Announcer:
    """Tells.

    Args:
        origin: names the broker, as its key does a publisher.
        hub: knows who listens.
        deliver: sends to one session.
    """

    def __init__(
        self,
        origin: bytes,
        hub: Hub[Session],
        deliver: Callable[[Session, Delivery], None],
    ) -> None:
        self._origin = origin
        self._hub = hub
        self._deliver = deliver
        self._ledger = Ledger()
        """Is empty: nobody waits until this has arrived."""
        self._numbers = count(1)

    def occupied(self, events: Iterable[str]) -> None:
        """Tell one who listens which groups have got their first member."""
        self._tell_of_groups("occupied", events)

    def vacated(self, events: Iterable[str]) -> None:
        """Tell one who listens which groups have lost their last member."""
        self._tell_of_groups("vacated", events)

    def gone(self, worker: WorkerID) -> bool:
        """Tell all who listen that a worker is gone; say whether anybody does."""
        listeners = list(self._hub.subscribers(GONE))
        if listeners:
            self._publish(listeners, GONE, {"worker": worker}, one=False)
        return bool(listeners)

    def _tell_of_groups(self, kind: str, events: Iterable[str]) -> None:
        for event in events:
            listener = choose(self._hub, OCCUPANCY) if event.startswith(GROUP) else None
            if listener is not None:
                said = {"type": kind, "group": event.removeprefix(GROUP)}
                self._publish([listener], OCCUPANCY, said, one=True)

    def _publish(
        self, listeners: Iterable[Session], event: str, said: dict[str, Any], *, one: bool
    ) -> None:
        pending = Pending(self._ledger, next(self._numbers))
        message = Message(event, json.dumps(said).encode(), json=True)
        delivery = Delivery(self._origin, pending.number, message, pending, one)
        for listener in listeners:
            self._deliver(listener, delivery)


def choose(hub: Hub[Session], event: str) -> Session | None:
    """Choose who gets a message for one: of those whose link is there, where there are any."""
    return hub.choose(event, lambda session: session.connected)
