"""Fields that several requests of the JSON API have. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from tpush.message import MAX_TARGETS, Target
from tpush.publisher.errors import BadRequest
from tpush.publisher.v1.target import read_target

WHOM = frozenset({"to", "except"})


def read_object(said: Any, what: str, fields: frozenset[str]) -> Mapping[str, Any]:
    """Return what a body says, which has these fields alone.

    Args:
        said: the body.
        what: it is, for people.
        fields: that it may have.

    Raises:
        BadRequest: it is no object, or has others.
    """
    if not isinstance(said, dict):
        raise BadRequest(f"{what} is an object")
    if not fields.issuperset(said):
        raise BadRequest(f"{what} has {', '.join(sorted(fields))}, and nothing else")
    return said


def read_to(said: Mapping[str, Any]) -> Sequence[Target]:
    """Return whom it is for: one target, or several.

    Raises:
        BadRequest: it does not say so.
    """
    if "to" not in said:
        raise BadRequest("to is missing: whom it is for")
    to = said["to"]
    if not isinstance(to, list):
        return (read_target("to", to),)
    if not to:
        raise BadRequest("to has nobody in it")
    return _targets("to", to)


def read_except(said: Mapping[str, Any]) -> Sequence[Target]:
    """Return whom it is not for.

    Raises:
        BadRequest: it is no list of targets.
    """
    but = said.get("except")
    return () if but is None else _targets("except", but)


def _targets(field: str, said: Any) -> Sequence[Target]:
    if not isinstance(said, list):
        raise BadRequest(f"{field} is a list of targets")
    if len(said) > MAX_TARGETS:
        raise BadRequest(f"{field} has at most {MAX_TARGETS} targets")
    return [read_target(field, each) for each in said]
