"""What a client of ``tpush.v1`` is sent. Pure."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from typing_extensions import override

from tpush.message import (
    BROADCAST,
    Message,
    Position,
    Target,
    group_event,
    presence_event,
    user_event,
)
from tpush.pusher.dialect import Dialect, Greeting
from tpush.pusher.frame import frame

GROUP = group_event("")
"""What the events of groups begin with."""

HEADS = {
    GROUP: b'"type":"message","group":',
    user_event(""): b'"type":"message","user":',
    presence_event(""): b'"type":"presence","group":',
}
"""What is said of whom a message is for, by what its event begins with."""


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
    def head(self, target: Target) -> bytes:
        event, connection = target
        if connection is not None:
            return b'"type":"message","connection":true'
        if event == BROADCAST:
            return b'"type":"message","broadcast":true'
        for start, said in HEADS.items():
            if event.startswith(start):
                return said + _json(event.removeprefix(start))
        return b'"type":"message","event":' + _json(event)

    @override
    def places(self, own: Position | None, too: Sequence[tuple[str, Position]]) -> bytes:
        said: dict[str, Any] = {} if own is None else position_fields(own)
        if too:
            said["also"] = [{"group": _name(event), **position_fields(at)} for event, at in too]
        return b"," + json.dumps(said, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()

    @override
    def body(self, message: Message) -> bytes:
        if message.json:
            return b'"data":' + message.data
        if message.text:
            return b'"data":' + _json(message.data.decode(errors="replace"))
        return b'"base64":"' + b64encode(message.data) + b'"'

    @override
    def frame(self, head: bytes, body: bytes, *, text: bool) -> bytes:
        return frame(b"{" + head + b"," + body + b"}", text=True)


def position_fields(position: Position) -> dict[str, str | int]:
    """Return a position as a client is told."""
    return {"offset": position.offset, "epoch": position.epoch}


def say(kind: str, **fields: Any) -> bytes:
    """Return the frame of anything but a message.

    Args:
        kind: its type.
        fields: what else it says.
    """
    said = json.dumps({"type": kind, **fields}, separators=(",", ":"))
    return frame(said.encode(), text=True)


def _name(event: str) -> str:
    """Return the group of an event."""
    return event.removeprefix(GROUP)


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()
