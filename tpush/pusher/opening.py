"""A client's opening handshake, read: :rfc:`6455#section-4.2.1`. Pure.

Autobahn reads the same, and can do much else with it that is not asked for here.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlparse, urlsplit

from tpush.pusher.refusal import Denied

TOKEN = "tpush.token."  # noqa: S105 - what is before a token among the subprotocols
BEARER = "bearer "

VERSION = 13
KEY = re.compile("[A-Za-z0-9+/]{22}==")
"""16 bytes in base64."""

LOCAL = "file"
"""The scheme of a page that a browser has read from its disk, and that has no host."""


class Opening(NamedTuple):
    """What an opening handshake says.

    Args:
        headers: by name, in lower case; those of one name are one list.
        host: what it asked for, without the port.
        path: of the URL.
        query: the parameters of the URL.
        protocols: the subprotocols that it offers.
        key: what it is answered with shows that it was read.
    """

    headers: Mapping[str, str]
    host: str
    path: str
    query: Mapping[str, Sequence[str]]
    protocols: Sequence[str]
    key: str

    @property
    def origin(self) -> str | None:
        """The page that it comes from; None is a program."""
        return self.headers.get("origin")

    @property
    def extensions(self) -> str:
        """Those that it offers, as they stand in its header."""
        return self.headers.get("sec-websocket-extensions", "")

    @property
    def groups(self) -> Sequence[str]:
        """The groups that it asks for."""
        return self.query.get("group", ())

    def token(self) -> str | None:
        """Return the token: of the Authorization header, the subprotocols, or the URL."""
        authorization = self.headers.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return authorization[len(BEARER) :].strip()
        for protocol in self.protocols:
            if protocol.startswith(TOKEN):
                return protocol[len(TOKEN) :]
        return next(iter(self.query.get("token", ())), None) or None


def read_opening(head: bytes) -> Opening:
    """Return what an opening handshake says.

    Args:
        head: up to the empty line, and without it; :mod:`tpush.pusher.head` has looked at it.

    Raises:
        Denied: it is none; with the status to answer.
    """
    line, *fields = head.decode("latin-1").split("\r\n")
    path, query = _target(line)
    headers, repeated = _headers(fields)
    _refuse_absent_or_repeated("host", headers, repeated)
    host = _host(headers["host"])
    _check_upgrade(headers)
    _check_version(headers, repeated)
    protocols = _protocols(headers)
    _check_origin(headers, repeated)
    _refuse_absent_or_repeated("sec-websocket-key", headers, repeated)
    key = headers["sec-websocket-key"]
    if not KEY.fullmatch(key):
        raise Denied(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    return Opening(headers, host, path, query, protocols, key)


def _target(line: str) -> tuple[str, Mapping[str, Sequence[str]]]:
    """Return the path and the parameters that a request line asks for.

    Raises:
        Denied: it asks for something else.
    """
    method, target, version = line.split(" ")
    if method != "GET":
        raise Denied(405, "the method of a handshake is GET")
    if version != "HTTP/1.1":
        raise Denied(505, "a handshake is HTTP/1.1")
    try:
        url = urlparse(target)
        query = parse_qs(url.query, keep_blank_values=True) if url.query else {}
    except ValueError:
        raise Denied(400, "this URL cannot be read") from None
    if url.fragment:
        raise Denied(400, "a URL that is asked for has no fragment")
    return url.path, query


def _headers(fields: Sequence[str]) -> tuple[Mapping[str, str], Collection[str]]:
    """Return headers by name, and the names that come more than once."""
    headers: dict[str, str] = {}
    repeated = set()
    for field in fields:
        name, _, value = field.partition(":")
        name, value = name.lower(), value.strip()
        if name in headers:
            value = f"{headers[name]}, {value}"
            repeated.add(name)
        headers[name] = value
    return headers, repeated


def _host(authority: str) -> str:
    """Return what comes before the port in a Host header.

    Raises:
        Denied: the port is none.
    """
    if ":" not in authority or authority.endswith("]"):
        return authority
    host, _, port = authority.rpartition(":")
    try:
        int(port)
    except ValueError:
        raise Denied(400, "the port in Host is no number") from None
    return host


def _check_upgrade(headers: Mapping[str, str]) -> None:
    if "upgrade" not in headers:
        raise Denied(426, "HTTP Upgrade header missing")
    if not _names("websocket", headers["upgrade"]):
        raise Denied(400, "Upgrade does not name websocket")
    if not _names("upgrade", headers.get("connection", "")):
        raise Denied(400, "Connection does not name upgrade")


def _names(name: str, header: str) -> bool:
    """Say whether a list, in any case, has that name in it."""
    return any(each.strip() == name for each in header.lower().split(","))


def _check_version(headers: Mapping[str, str], repeated: Collection[str]) -> None:
    _refuse_absent_or_repeated("sec-websocket-version", headers, repeated)
    try:
        version = int(headers["sec-websocket-version"])
    except ValueError:
        raise Denied(400, "Sec-WebSocket-Version is no number") from None
    if version != VERSION:
        known = ("Sec-WebSocket-Version", str(VERSION))
        raise Denied(400, "this version of WebSocket is not spoken here", [known])


def _protocols(headers: Mapping[str, str]) -> Sequence[str]:
    if "sec-websocket-protocol" not in headers:
        return ()
    protocols = [each.strip() for each in headers["sec-websocket-protocol"].split(",")]
    if len(set(protocols)) < len(protocols):
        raise Denied(400, "a subprotocol is offered more than once")
    return protocols


def _check_origin(headers: Mapping[str, str], repeated: Collection[str]) -> None:
    # Which ones may connect is not asked here.
    if "origin" not in headers:
        return
    if "origin" in repeated:
        raise Denied(400, "there is more than one Origin")
    origin = headers["origin"]
    if origin.lower() == "null":
        return
    try:
        known = _is_origin(origin)
    except ValueError:
        known = False
    if not known:
        raise Denied(400, "Origin is no origin")


def _is_origin(text: str) -> bool:
    """Say whether a browser sends that.

    Raises:
        ValueError: it is no URL.
    """
    url = urlsplit(text)
    if url.scheme == LOCAL:
        return True
    url.port  # noqa: B018 - raises for one that is none
    return bool(url.hostname)


def _refuse_absent_or_repeated(
    name: str, headers: Mapping[str, str], repeated: Collection[str]
) -> None:
    if name not in headers:
        raise Denied(400, f"there is no {name}")
    if name in repeated:
        raise Denied(400, f"there is more than one {name}")
