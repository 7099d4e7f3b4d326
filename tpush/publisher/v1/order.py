"""One publish, as the JSON API has it. Pure."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tpush.message import encode
from tpush.publisher.errors import BadRequest
from tpush.publisher.v1.target import Target, read_target

CONTENTS = ("content", "data", "base64")
FIELDS = frozenset({"to", "receipt", *CONTENTS})


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be published.

    Args:
        target: whom it is for.
        data: what.
        text: whether it goes out as text.
        receipt: whether to say what became of it.
    """

    target: Target
    data: bytes
    text: bool
    receipt: bool


def read_json(body: bytes) -> Any:
    """Return what a body says.

    Raises:
        BadRequest: it is no JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None


def read_order(said: Any) -> Order:
    """Read one publish.

    Raises:
        BadRequest: it is none.
    """
    if not isinstance(said, dict):
        raise BadRequest("a publish is an object")
    if not FIELDS.issuperset(said):
        raise BadRequest(f"a publish has {', '.join(sorted(FIELDS))}, and nothing else")
    if "to" not in said:
        raise BadRequest("to is missing: whom it is for")
    receipt = said.get("receipt", False)
    if not isinstance(receipt, bool):
        raise BadRequest("receipt is true or false")
    data, text = _content(said)
    return Order(read_target(said["to"]), data, text, receipt)


def _content(said: Mapping[str, Any]) -> tuple[bytes, bool]:
    given = [name for name in CONTENTS if name in said]
    if len(given) != 1:
        raise BadRequest(f"a publish has one of {', '.join(CONTENTS)}")
    [name] = given
    value = said[name]
    if name != "data" and not isinstance(value, str):
        raise BadRequest(f"{name} is text")
    try:
        match name:
            case "data":
                return _compact(value), True
            case "base64":
                return b64decode(value, validate=True), False
        return encode(value), True
    except (ValueError, RecursionError):
        raise BadRequest(f"{name} is none that can be sent") from None


def _compact(value: Any) -> bytes:
    """Return a value as JSON.

    Raises:
        ValueError: it has what JSON or UTF-8 has not: Python reads NaN, and half a character.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
