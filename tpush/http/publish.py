"""One publish, as the JSON API takes it. Pure."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tpush.http.target import Target, Targets, targets_as


@dataclass(frozen=True, slots=True)
class JSON:
    """A content that goes out as the JSON text of a value."""

    value: Any


Content = str | bytes | JSON
"""What is published: text; bytes, which go out as a binary frame; or the JSON of a value."""


@dataclass(frozen=True, slots=True)
class Publish:
    """What is to be published, and to whom.

    Args:
        to: one target or several; whoever is in several of them gets it once.
        content: text, bytes or :class:`JSON`.
        but: targets that do not get it.
        receipt: whether to say what became of it.
        idempotency_key: under which it is published once, however often it is sent: 1 to 200 bytes;
            where it is empty a client that tries again draws one.
    """

    to: Targets
    content: Content
    but: Sequence[Target] = ()
    receipt: bool = False
    idempotency_key: str = ""

    def as_dict(self) -> Mapping[str, object]:
        """Return it as the API has it."""
        said: dict[str, object] = {"to": targets_as(self.to), **_content(self.content)}
        if self.but:
            said["except"] = targets_as(self.but)
        if self.receipt:
            said["receipt"] = True
        if self.idempotency_key:
            said["key"] = self.idempotency_key
        return said


def _content(content: Content) -> Mapping[str, object]:
    match content:
        case JSON():
            return {"data": content.value}
        case str():
            return {"content": content}
        case bytes():
            return {"base64": b64encode(content).decode()}
    raise TypeError(f"a content is a str, bytes or JSON, not {type(content).__name__}")
