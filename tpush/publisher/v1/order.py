"""One publish, as the JSON API has it. Pure."""

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tpush.errors import InvalidName
from tpush.message import Target, check_name, encode
from tpush.publisher.errors import BadRequest
from tpush.publisher.v1.fields import read_except, read_object, read_to

CONTENTS = ("content", "data", "base64")
FIELDS = frozenset({"to", "except", "receipt", "key", *CONTENTS})


class Order(NamedTuple):
    """What is to be published.

    Args:
        targets: whom it is for, one at the least.
        but: who does not get it.
        data: what; a str goes out as text.
        json: whether it is JSON.
        receipt: whether to say what became of it.
        key: under which it is sent once; "" is none.
    """

    targets: Sequence[Target]
    but: Sequence[Target]
    data: str | bytes
    json: bool
    receipt: bool
    key: str

    @property
    def addressed(self) -> bool:
        """Whether it is for one connection alone."""
        return len(self.targets) == 1 and self.targets[0][1] is not None


def read_order(said: Any) -> Order:
    """Read one publish.

    Raises:
        BadRequest: it is none.
    """
    read_object(said, "a publish", FIELDS)
    to, but, content = read_to(said), read_except(said), _content(said)
    return Order(to, but, content, "data" in said, _receipt(said), _key(said))


def _receipt(said: Mapping[str, Any]) -> bool:
    receipt = said.get("receipt", False)
    if not isinstance(receipt, bool):
        raise BadRequest("receipt is true or false")
    return receipt


def _key(said: Mapping[str, Any]) -> str:
    key = said.get("key")
    if key is None:
        return ""
    try:
        return check_name(key)
    except InvalidName as error:
        raise BadRequest("key is text of 1 to 200 bytes") from error


def _content(said: Mapping[str, Any]) -> str | bytes:
    given = [name for name in CONTENTS if name in said]
    if len(given) != 1:
        raise BadRequest(f"a publish has one of {', '.join(CONTENTS)}")
    [name] = given
    value = said[name]
    if name != "data" and not isinstance(value, str):
        raise BadRequest(f"{name} is text")
    try:
        if name == "base64":
            return b64decode(value, validate=True)
        text = _compact(value) if name == "data" else value
        if not text.isascii():
            encode(text)  # Python reads half a character too
    except (ValueError, RecursionError):
        raise BadRequest(f"{name} is none that can be sent") from None
    return text


def _compact(value: Any) -> str:
    """Return a value as JSON.

    Raises:
        ValueError: it has what JSON has not: Python reads NaN.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
