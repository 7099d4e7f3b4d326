"""What clients do, as others are told of it: by default nobody is, and nothing is done for it."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable

from typing_extensions import override

from tpush.message import ConnectionID, WorkerID, group_event
from tpush.pusher.client import Client

GROUP = group_event("")
"""What the events of groups begin with."""


class Telling:
    """Is told what clients do, and by itself does nothing. Never raises, and takes no time."""

    def connected(self, client: Client, worker: WorkerID) -> None:
        """Be told that a client was greeted, and by which worker id."""

    def disconnected(self, client: Client, events: Iterable[str]) -> None:
        """Be told that a client is gone, and which events it had joined."""

    def joined(self, client: Client, group: str) -> None:
        """Be told that a client is in a group now."""

    def left(self, client: Client, group: str) -> None:
        """Be told that it is not any more."""

    def published(self, client: Client, group: str, content: str | bytes) -> None:
        """Be told that a client has published to a group."""


NOBODY = Telling()


class EventTelling(Telling):
    """Makes an event of each, in JSON.

    Args:
        add: takes an event.
        now: returns the time of day, in seconds since 1970.
    """

    def __init__(self, add: Callable[[bytes], None], now: Callable[[], float]) -> None:
        self._add = add
        self._now = now
        self._workers: list[tuple[ConnectionID, WorkerID]] = []
        """Worker ids, each from the first connection that was greeted with it: one may be drawn
        anew, and those who were greeted before keep their address until they are gone."""

    @override
    def connected(self, client: Client, worker: WorkerID) -> None:
        if client.connection is not None and (not self._workers or self._workers[-1][1] != worker):
            self._workers.append((client.connection, worker))
        self._tell("connect", client)

    @override
    def disconnected(self, client: Client, events: Iterable[str]) -> None:
        for event in events:
            if event.startswith(GROUP):
                self.left(client, event.removeprefix(GROUP))
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

    def _tell(self, kind: str, client: Client, **more: str) -> None:
        connection = client.connection
        if connection is None:
            return
        worker = next(each for first, each in reversed(self._workers) if first <= connection)
        event = {
            "type": kind,
            "time": round(self._now(), 3),
            "worker": worker,
            "connection": f"{worker}:{connection}",
            "user": client.claims.user,
            **more,
        }
        self._add(json.dumps(event, separators=(",", ":")).encode())
