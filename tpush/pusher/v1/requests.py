"""What a client of ``tpush.v1`` may ask for. Pure.

::

    {"type": "subscribe", "id": 1, "group": "news"}
    {"type": "subscribe", "id": 1, "group": "news", "since": {"epoch": "1f00c2a95b7d", "offset": 5}}
    {"type": "unsubscribe", "id": 2, "group": "news"}
    {"type": "publish", "id": 3, "group": "news", "data": {"any": "JSON"}}
    {"type": "publish", "id": 4, "group": "news", "base64": "AAEC"}
    {"type": "ping", "id": 5}

Fields that are not known are ignored.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tpush.message import Position
from tpush.pusher.commands import Leave, SendToGroup

RequestID = str | int | None

LONGEST_ID = 64
"""Characters of an id that is text."""

MOST = 2**53 - 1
"""The largest integer that a JavaScript number holds exactly."""


class Wrong(Exception):
    """A client has sent what is no request.

    Args:
        code: says so to programs.
        reason: the same to people.
        request: the id that it gave, where it has given one.
    """

    def __init__(self, code: str, reason: str, request: RequestID = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.request = request


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks whether anybody is there."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Asks for what is published to a group, from the message after *since* on.

    With *presence* it asks who comes and goes, too.
    """

    group: str
    since: Position | None
    presence: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """Asks for a message to go to a group: its content is read where it may go there."""

    group: str
    said: Mapping[str, Any]


Command = Subscribe | Leave | Unread | Ping


@dataclass(frozen=True, slots=True)
class Request:
    """What one client asks for.

    Args:
        id: names it in the answer; None where the client has given none.
        command: what is to be done.
    """

    id: RequestID
    command: Command


def read_request(payload: bytes, *, text: bool) -> Request:
    """Read one message of a client.

    Args:
        payload: valid UTF-8 where *text* is true.
        text: whether it came as text.

    Raises:
        Wrong: it is no request.
    """
    said = _object(payload) if text else None
    if said is None:
        raise Wrong("bad-request", "a request is a JSON object, in a text frame")
    name = _id(said.get("id"))
    kind = said.get("type")
    read = READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Wrong("unknown-type", f"the types of requests are {', '.join(READERS)}", name)
    try:
        return Request(name, read(said))
    except ValueError as error:
        raise Wrong("bad-request", str(error), name) from None


def _object(payload: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _id(said: Any) -> RequestID:
    if said is None or (isinstance(said, str) and len(said) <= LONGEST_ID):
        return said
    if isinstance(said, int) and not isinstance(said, bool) and abs(said) <= MOST:
        return said
    raise Wrong("bad-request", f"an id is a whole number, or up to {LONGEST_ID} characters")


def _group(said: Mapping[str, Any]) -> str:
    group = said.get("group")
    if not isinstance(group, str) or not group:
        raise ValueError("group is text, and not empty")
    return group


def _flag(said: Mapping[str, Any], name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is true or false")
    return value


def _since(said: Any) -> Position | None:
    if said is None:
        return None
    epoch = said.get("epoch") if isinstance(said, dict) else None
    offset = said.get("offset") if isinstance(said, dict) else None
    # Python reads half a character too, and no link carries it.
    if not isinstance(epoch, str) or not 0 < len(epoch) <= LONGEST_ID or not epoch.isascii():
        raise ValueError("since has an epoch, which is text")
    if type(offset) is not int or not 0 <= offset <= MOST:
        raise ValueError("since has an offset, which is a whole number from 0")
    return Position(epoch, offset)


def read_content(unread: Unread, request: RequestID) -> SendToGroup:
    """Read what is to be published.

    Args:
        unread: it.
        request: the id that the client gave.

    Raises:
        Wrong: it is nothing that can be sent.
    """
    try:
        return _content(unread.group, unread.said)
    except ValueError as error:
        raise Wrong("bad-request", str(error), request) from None


def _content(group: str, said: Mapping[str, Any]) -> SendToGroup:
    if ("data" in said) == ("base64" in said):
        raise ValueError("a publish has data or base64")
    if "data" in said:
        return SendToGroup(group, _json(said["data"]), json=True)
    encoded = said["base64"]
    if not isinstance(encoded, str):
        raise ValueError("base64 is text")
    try:
        return SendToGroup(group, b64decode(encoded, validate=True))
    except ValueError:
        raise ValueError("base64 is none") from None


def _json(data: Any) -> str:
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode()  # Python reads half a character too
    except (ValueError, RecursionError):
        raise ValueError("data is none that can be sent") from None
    return text


READERS: Mapping[str, Callable[[Mapping[str, Any]], Command]] = {
    "subscribe": lambda said: Subscribe(
        _group(said), _since(said.get("since")), _flag(said, "presence")
    ),
    "unsubscribe": lambda said: Leave(_group(said)),
    "publish": lambda said: Unread(_group(said), said),
    "ping": lambda _: Ping(),
}
