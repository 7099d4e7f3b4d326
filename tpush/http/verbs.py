"""What else a publisher is asked for: orders, and who is where. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tpush.http.errors import StrangeAnswer
from tpush.http.request import Request, as_body
from tpush.http.target import Target, Targets, targets_as

NORMAL = 1000
"""The code of a close that nothing is wrong with."""

SHOWN = 1_000
"""Addresses that are asked for where no other number is given."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an order.

    Args:
        matched: connections that it concerned.
        done: of them, with which it was done.
        refused: of them, with which it could not be: they are in too many groups, or there is no
            room.
        workers: that have told.
    """

    matched: int
    done: int
    refused: int
    workers: int


@dataclass(frozen=True, slots=True)
class Members:
    """Who is in a group, or where a user is.

    Args:
        count: of connections.
        connections: the addresses of some.
        workers: that have told.
    """

    count: int
    connections: Sequence[str]
    workers: int


def change(path: str, to: Targets, but: Sequence[Target], **more: object) -> Request:
    """Return the request for an order.

    Args:
        path: below ``v1``.
        to: whom it concerns.
        but: whom it does not.
        more: what else it says.
    """
    said: dict[str, object] = {"to": targets_as(to), **more}
    if but:
        said["except"] = targets_as(but)
    return Request(f"v1/{path}", as_body(said))


def closing(
    to: Targets, but: Sequence[Target], code: int, reason: str, last: str | None
) -> Request:
    """Return the request that closes connections."""
    how: dict[str, object] = {"code": code, "reason": reason}
    if last is not None:
        how["content"] = last
    return change("close", to, but, **how)


def look(path: str, **query: int) -> Request:
    """Return the request for what is at a path below ``v1``."""
    return Request(f"v1/{path}" + (f"?{urlencode(query)}" if query else ""))


def named(kind: str, name: str, verb: str = "") -> str:
    """Return the path of a group or a user.

    Args:
        kind: ``groups`` or ``users``.
        name: of it.
        verb: what is to be done, where something is.
    """
    return f"{kind}/{quote(name, safe='')}" + (f"/{verb}" if verb else "")


def read_done(said: Mapping[str, Any]) -> Done:
    """Read what came of an order.

    Raises:
        StrangeAnswer: whoever answered is no publisher.
    """
    match said:
        case {
            "matched": int(matched),
            "done": int(done),
            "refused": int(refused),
            "workers": int(workers),
        }:
            return Done(matched, done, refused, workers)
    raise StrangeAnswer("an order was answered with something else")


def read_members(said: Mapping[str, Any]) -> Members:
    """Read who is where.

    Raises:
        StrangeAnswer: whoever answered is no publisher.
    """
    match said:
        case {"count": int(count), "connections": list(connections), "workers": int(workers)}:
            return Members(count, connections, workers)
    raise StrangeAnswer("a question was answered with something else")
