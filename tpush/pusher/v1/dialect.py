"""What a client of ``tpush.v1`` is sent. Pure."""

import json
from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import Any

from typing_extensions import override

from tpush.message import BROADCAST, Message, group_event, user_event
from tpush.pusher.dialect import Dialect, Greeting
from tpush.pusher.frame import frame

GROUP, USER = group_event(""), user_event("")
"""What the events of groups and of users begin with."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a client may do, as it is told.

    Args:
        message: bytes of one message that it sends.
        frames: that it sends in a second; 0 is without bound.
        groups: that it may be in, its user counted.
    """

    message: int
    frames: int
    groups: int


class V1(Dialect):
    """Makes JSON text frames.

    Args:
        bounds: of clients.
    """

    name = "tpush.v1"

    def __init__(self, bounds: Bounds) -> None:
        self._limits = asdict(bounds)

    @override
    def greet(self, greeting: Greeting) -> bytes:
        return say(
            "welcome",
            worker=greeting.worker,
            connection=greeting.connection,
            address=f"{greeting.worker}:{greeting.connection}",
            user=greeting.user,
            groups=list(greeting.groups),
            limits=self._limits,
        )

    @override
    def message(self, message: Message) -> bytes:
        head = b'{"type":"message",' + _target(message).encode()
        if message.json:
            content = b',"data":' + message.data
        elif message.text:
            content = b',"data":' + json.dumps(message.data.decode(errors="replace")).encode()
        else:
            content = b',"base64":"' + b64encode(message.data) + b'"'
        return frame(head + content + b"}", text=True)


def say(kind: str, **fields: Any) -> bytes:
    """Return the frame of anything but a message.

    Args:
        kind: its type.
        fields: what else it says.
    """
    said = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return frame(said.encode(), text=True)


def _target(message: Message) -> str:
    """Return whom a message is for, as a field of it."""
    event = message.event
    if message.connection is not None:
        return '"connection":true'
    if event.startswith(GROUP):
        return '"group":' + json.dumps(event.removeprefix(GROUP))
    if event.startswith(USER):
        return '"user":' + json.dumps(event.removeprefix(USER))
    return '"broadcast":true' if event == BROADCAST else '"event":' + json.dumps(event)
