"""Whom a message is for, as the JSON API has it. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tpush.errors import InvalidName
from tpush.message import (
    BROADCAST,
    MAX_ID,
    ConnectionID,
    Target,
    WorkerID,
    check_name,
    group_event,
    user_event,
    worker_event,
)
from tpush.publisher.errors import BadRequest

ADDRESS = re.compile("([1-9][0-9]{0,15}):([1-9][0-9]{0,15})")


def read_target(field: str, said: Any) -> Target:
    """Read one target, such as ``{"group": "news"}``.

    Args:
        field: where it stands.
        said: it.

    Raises:
        BadRequest: it is none.
    """
    if not isinstance(said, dict) or len(said) != 1:
        raise BadRequest(f"a target in {field} has one of {', '.join(READERS)}")
    [(kind, value)] = said.items()
    if kind not in READERS:
        raise BadRequest(f"a target in {field} has one of {', '.join(READERS)}")
    return READERS[kind](value)


def check_called(kind: str, name: Any, event: Callable[[str], str]) -> str:
    """Return the name of a group or a user, if one can be called so.

    Args:
        kind: ``group`` or ``user``.
        name: what it is called.
        event: returns what is published to it.

    Raises:
        BadRequest: none can.
    """
    if not isinstance(name, str) or not name:
        raise BadRequest(f"{kind} is text, and not empty")
    try:
        check_name(event(name))
    except InvalidName:
        raise BadRequest(f"no {kind} can be called so") from None
    return name


def _broadcast(value: Any) -> Target:
    if value is not True:
        raise BadRequest("broadcast is true")
    return BROADCAST, None


def _connection(value: Any) -> Target:
    address = ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if address is None:
        raise BadRequest('connection is "worker:connection", two numbers')
    worker, connection = int(address[1]), int(address[2])
    if worker > MAX_ID or connection > MAX_ID:
        raise BadRequest(f"an id is at most {MAX_ID}")
    return worker_event(WorkerID(worker)), ConnectionID(connection)


def _group(value: Any) -> Target:
    return group_event(check_called("group", value, group_event)), None


def _user(value: Any) -> Target:
    return user_event(check_called("user", value, user_event)), None


READERS: Mapping[str, Callable[[Any], Target]] = {
    "broadcast": _broadcast,
    "connection": _connection,
    "group": _group,
    "user": _user,
}
