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
    return _named("group", value, group_event), None


def _user(value: Any) -> Target:
    return _named("user", value, user_event), None


def _named(kind: str, value: Any, event: Callable[[str], str]) -> str:
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{kind} is text, and not empty")
    try:
        return check_name(event(value))
    except InvalidName:
        raise BadRequest(f"no {kind} can be called so") from None


READERS: Mapping[str, Callable[[Any], Target]] = {
    "broadcast": _broadcast,
    "connection": _connection,
    "group": _group,
    "user": _user,
}
