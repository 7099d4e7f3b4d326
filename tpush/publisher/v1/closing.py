"""Closing connections, as the JSON API has it. Pure."""

from collections.abc import Mapping
from typing import Any

from tpush.orders import Close
from tpush.publisher.errors import BadRequest

NORMAL = 1000
"""The code of a close that nothing is wrong with, :rfc:`6455#section-7.4.1`."""

OWN = range(3000, 5000)
"""Codes that an application may give a meaning, :rfc:`6455#section-7.4.2`."""

LONGEST = 123
"""Bytes of a reason, :rfc:`6455#section-5.5`."""

FIELDS = frozenset({"to", "except", "code", "reason", "content"})


def read_close(said: Mapping[str, Any]) -> Close:
    """Read how connections are to be closed.

    Raises:
        BadRequest: they cannot be closed so.
    """
    code, reason, last = _code(said), said.get("reason", ""), said.get("content")
    if not isinstance(reason, str) or len(_encoded("reason", reason)) > LONGEST:
        raise BadRequest(f"reason is text of at most {LONGEST} bytes")
    if last is not None and not isinstance(last, str):
        raise BadRequest("content is text")
    _encoded("content", last or "")
    return Close(code, reason, last)


def _code(said: Mapping[str, Any]) -> int:
    code = said.get("code", NORMAL)
    if isinstance(code, float) and code.is_integer():
        code = int(code)  # JSON has one kind of numbers, and some programs write 4000.0
    if type(code) is not int or (code != NORMAL and code not in OWN):
        raise BadRequest(f"code is {NORMAL}, or from {OWN.start} to {OWN.stop - 1}")
    return code


def _encoded(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{name} is none that can be sent") from None
