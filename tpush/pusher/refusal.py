"""Handshakes that are refused, and the answer to them. Pure."""

import re
from collections.abc import Iterable
from http import HTTPStatus

UNPRINTABLE = re.compile(r"[^ -~]")
"""In a reason that says what a client sent: it must not begin another line."""

ALSO: dict[int, tuple[tuple[str, str], ...]] = {
    HTTPStatus.UNAUTHORIZED: (("WWW-Authenticate", 'Bearer realm="tpush"'),),
    HTTPStatus.METHOD_NOT_ALLOWED: (("Allow", "GET"),),
    HTTPStatus.UPGRADE_REQUIRED: (("Connection", "Upgrade"), ("Upgrade", "websocket")),
    HTTPStatus.TOO_MANY_REQUESTS: (("Retry-After", "10"),),
    HTTPStatus.SERVICE_UNAVAILABLE: (("Retry-After", "1"),),
}
"""The headers that a status asks for, RFC 9110 sections 15.5.2, 15.5.6, 15.5.22 and 15.6.4."""


class Denied(Exception):
    """A handshake is refused.

    Args:
        status: what it is answered with.
        reason: the same for people.
        headers: besides those that every such answer has.
    """

    def __init__(
        self, status: int, reason: str, headers: Iterable[tuple[str, object]] = ()
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


def refusal(status: int, reason: str, headers: Iterable[tuple[str, object]] = ()) -> bytes:
    """Return the whole answer.

    Args:
        status: why, for programs.
        reason: why, for people: the body.
        headers: besides those that every such answer has.
    """
    body = UNPRINTABLE.sub("?", reason)
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Server: tpush",
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (*ALSO.get(status, ()), *headers)),
    ]
    return "\r\n".join([*lines, "", body]).encode()
