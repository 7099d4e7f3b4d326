"""What clients do, as others are told of it: by default nobody is, and nothing is done for it."""

import json
from base64 import b64encode
from collections.abc import Callable, Sequence

from typing_extensions import override

from tpush.message import ConnectionID, WorkerID, group_event
from tpush.pusher.client import Client

GROUP = group_event("")
"""What the events of groups begin with."""


class Telling:
    """Is told what clients do, and by itself does nothing. Never raises, and takes no time."""

    def connected(self, client: Client, worker: WorkerID) -> None:
        """Be told that a client was greeted, and by which worker id."""

    def disconnected(self, client: Client, events: Sequence[str]) -> None:
        """Be told that a client is gone, and which events it had joined."""

    def joined(self, client: Client, group: str) -> None:
        """Be told that a client is in a group now."""

    def left(self, client: Client, group: str) -> None:
        """Be told that it is not any more."""

    def published(self, client: Client, group: str, content: str | bytes) -> None:
        """Be told that a client has published to a group."""

    def occupied(self, group: str, *, occupied: bool) -> None:
        """Be told that a group has its first member in the whole cluster, or has lost its last."""


NOBODY = Telling()


class Several(Telling):
    """Tells several.

    Args:
        tellings: whom.
    """

    def __init__(self, tellings: Sequence[Telling]) -> None:
        self._tellings = tellings

    @override
    def connected(self, client: Client, worker: WorkerID) -> None:
        for each in self._tellings:
            each.connected(client, worker)

    @override
    def disconnected(self, client: Client, events: Sequence[str]) -> None:
        for each in self._tellings:
            each.disconnected(client, events)

    @override
    def joined(self, client: Client, group: str) -> None:
        for each in self._tellings:
            each.joined(client, group)

    @override
    def left(self, client: Client, group: str) -> None:
        for each in self._tellings:
            each.left(client, group)

    @override
    def published(self, client: Client, group: str, content: str | bytes) -> None:
        for each in self._tellings:
            each.published(client, group, content)

    @override
    def occupied(self, group: str, *, occupied: bool) -> None:
        for each in self._tellings:
            each.occupied(group, occupied=occupied)


class Addressed(Telling):
    """Knows where clients are, as they were greeted, and that who is gone has left.

    A worker may draw another id: those who were greeted before keep their address until they are
    gone.
    """

    def __init__(self) -> None:
        self._workers: list[tuple[ConnectionID, WorkerID]] = []
        """Ids, each from the first connection that was greeted with it."""

    @override
    def connected(self, client: Client, worker: WorkerID) -> None:
        if client.connection is not None and (not self._workers or self._workers[-1][1] != worker):
            self._workers.append((client.connection, worker))

    @override
    def disconnected(self, client: Client, events: Sequence[str]) -> None:
        for event in events:
            if event.startswith(GROUP):
                self.left(client, event.removeprefix(GROUP))

    def worker(self, connection: ConnectionID) -> WorkerID:
        """Return the id that a client was greeted with."""
        return next(each for first, each in reversed(self._workers) if first <= connection)


class EventTelling(Addressed):
    """Makes an event of each, in JSON.

    Args:
        add: takes an event.
        now: returns the time of day, in seconds since 1970.
    """

    def __init__(self, add: Callable[[bytes], None], now: Callable[[], float]) -> None:
        super().__init__()
        self._add = add
        self._now = now

    @override
    def connected(self, client: Client, worker: WorkerID) -> None:
        super().connected(client, worker)
        self._tell("connect", client)

    @override
    def disconnected(self, client: Client, events: Sequence[str]) -> None:
        super().disconnected(client, events)
        self._tell("disconnect", client)

    @override
    def joined(self, client: Client, group: str) -> None:
        self._tell("join", client, group=group)

    @override
    def left(self, client: Client, group: str) -> None:
        self._tell("leave", client, group=group)

    @override
    def published(self, client: Client, group: str, content: str | bytes) -> None:
        if isinstance(content, str):
            self._tell("message", client, group=group, content=content)
        else:
            self._tell("message", client, group=group, base64=b64encode(content).decode())

    @override
    def occupied(self, group: str, *, occupied: bool) -> None:
        self._say("occupied" if occupied else "vacated", group=group)

    def _tell(self, kind: str, client: Client, **more: str) -> None:
        connection = client.connection
        if connection is None:
            return
        worker, user = self.worker(connection), client.claims.user
        self._say(kind, worker=worker, connection=f"{worker}:{connection}", user=user, **more)

    def _say(self, kind: str, **more: object) -> None:
        event = {"type": kind, "time": round(self._now(), 3), **more}
        self._add(json.dumps(event, separators=(",", ":")).encode())
