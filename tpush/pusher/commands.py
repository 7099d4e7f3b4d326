"""What a client without a subprotocol may ask for, in a text frame. Pure.

::

    {"cmd": "add_group", "group_id": "123"}
    {"cmd": "leave_group", "group_id": "123"}
    {"cmd": "send_to_group", "group_id": "123", "message": "hello"}

Anything else that such a client sends is nothing to us, and it is not told so: it is sent contents,
and nothing that could be taken for one.
"""

import json
from dataclasses import dataclass
from typing import Any

CMD = b'"cmd"'
"""Is in every command: what has none is not parsed."""


@dataclass(frozen=True, slots=True)
class Join:
    """Asks for what is published to a group from now on; with *presence*, for who is there too."""

    group: str
    presence: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Asks for no more of either."""

    group: str


@dataclass(frozen=True, slots=True)
class SendToGroup:
    """Asks for a message, JSON perhaps, to go to all members of a group."""

    group: str
    message: str | bytes
    json: bool = False


Command = Join | Leave | SendToGroup


def read_command(payload: bytes) -> Command | None:
    """Return what a text frame asks for, or None where it is no command.

    Args:
        payload: valid UTF-8.
    """
    if CMD not in payload:
        return None
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return _command(said) if isinstance(said, dict) else None


def _command(said: dict[str, Any]) -> Command | None:
    group = _name(said.get("group_id"))
    match said.get("cmd"), said.get("message"):
        case "add_group", _ if group is not None:
            return Join(group)
        case "leave_group", _ if group is not None:
            return Leave(group)
        case "send_to_group", str(message) if group is not None and _can_be_sent(message):
            return SendToGroup(group, message)
    return None


def _can_be_sent(text: str) -> bool:
    """Say whether text is UTF-8: Python reads half a character from JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(group: Any) -> str | None:
    """Return what a group is called: text, or, as PHP's clients have it, a number."""
    if isinstance(group, int) and not isinstance(group, bool):
        return str(group)
    return group if isinstance(group, str) and group else None
