"""Clients are told who comes to a group and who leaves it, where it is one of those that tell."""

import json
import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from tpush.errors import TPushError
from tpush.message import Message, presence_event
from tpush.pusher.audience import Audience
from tpush.pusher.client import Client
from tpush.pusher.telling import Addressed
from tpush.sparing import SparingLog

PRESENCE = presence_event("")
"""What the events of who is there begin with."""

LINES = 1
"""A second, of the log."""


class PresentGroups:
    """The groups whose members are told of.

    Args:
        patterns: of their names, with ``*`` and ``?``.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        self._matches = [re.compile(translate(pattern)).match for pattern in patterns]

    def __bool__(self) -> bool:
        """Whether there may be any."""
        return bool(self._matches)

    def __contains__(self, group: str) -> bool:
        """Whether the members of a group are told of."""
        return any(match(group) for match in self._matches)


class PresenceTelling(Addressed):
    """Publishes who comes and goes.

    Args:
        groups: of which it does.
        publish: publishes JSON to an event.
        clock: tells the time.
    """

    log = Logger()

    def __init__(
        self, groups: PresentGroups, publish: Callable[[str, str], object], clock: IReactorTime
    ) -> None:
        super().__init__()
        self._groups = groups
        self._publish = publish
        self._log = SparingLog(self.log, clock, LINES)

    def stop(self) -> None:
        """Tell the log what it would be told later."""
        self._log.stop()

    @override
    def joined(self, client: Client, group: str) -> None:
        self._tell("join", client, group)

    @override
    def left(self, client: Client, group: str) -> None:
        self._tell("leave", client, group)

    def _tell(self, kind: str, client: Client, group: str) -> None:
        connection = client.connection
        if connection is None or group not in self._groups:
            return
        address = f"{self.worker(connection)}:{connection}"
        said = {"event": kind, "address": address, "user": client.claims.user}
        try:
            self._publish(presence_event(group), json.dumps(said, separators=(",", ":")))
        except TPushError as error:
            self._log.warn("nobody is told of a member: {error}", error=error)


def tell_gone(message: Message, audience: Audience[Client]) -> Sequence[Message]:
    """Return what the clients here are told who listen to who is there: a worker is gone.

    Args:
        message: of the channel, at :data:`~tpush.message.GONE`.
        audience: who is connected here.
    """
    worker = json.loads(message.data)["worker"]
    said = json.dumps({"event": "gone", "worker": worker}, separators=(",", ":")).encode()
    events = [event for event in audience.events if event.startswith(PRESENCE)]
    return [Message(event, said, json=True) for event in events]
