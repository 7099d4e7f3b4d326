"""One WebSocket client, on Autobahn."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.ssl import optionsForClientTLS
from typing_extensions import override

from tpush.command.ending import Ended, Lost
from tpush.command.status import Status

REFUSED = re.compile(r"upgrade failed \[(\d+)\]")
"""What Autobahn says of a handshake that was answered with another status than 101."""

STATUSES = {401: Status.NOT_ALLOWED, 403: Status.NOT_ALLOWED, 429: Status.TRY_LATER,
            502: Status.TRY_LATER, 503: Status.TRY_LATER}  # fmt: skip
"""How a command ends whose handshake was refused, by its status."""

CODES = {1000: Status.OK, 1001: Status.NOT_REACHABLE, 1006: Status.NOT_REACHABLE,
         1012: Status.NOT_REACHABLE, 1013: Status.TRY_LATER, 4008: Status.TRY_LATER,
         4009: Status.TRY_LATER, 4401: Status.NOT_ALLOWED, 4429: Status.TRY_LATER,
         4501: Status.NOT_ALLOWED, 4503: Status.NOT_ALLOWED}  # fmt: skip
"""The same, by the code that a connection was closed with."""

LOST = frozenset({1001, 1006, 1011, 1012, 1013, 1014})
"""Codes below 4000 after which another connection may do better."""

PING, PONG = 20.0, 10.0
"""Seconds without anything before a ping is sent, and for its answer."""

LARGEST = 64 * 1024 * 1024
"""Bytes of one content."""


class Takes(Protocol):
    """Takes what comes."""

    def begin(self) -> None:
        """Be told that a connection has opened, and its greeting comes next."""

    def take(self, payload: bytes, *, text: bool) -> bool:
        """Take one frame; say whether it was the last that is wanted."""


async def listen(reactor: Any, url: str, headers: Mapping[str, str], taker: Takes) -> int:
    """Return the exit status, once the taker has what it wants.

    Args:
        reactor: the reactor to use.
        url: ``ws:`` or ``wss:``, with path and query.
        headers: that go along with the handshake.
        taker: gets each content.

    Raises:
        Lost: the connection cannot be made, or has ended, and another may do better.
        Ended: it was refused or has ended for good.
    """
    ended: Deferred[int] = Deferred()
    factory: Any = WebSocketClientFactory(url, headers=dict(headers), reactor=reactor)
    factory.protocol = lambda: _Listener(taker, ended)
    factory.setProtocolOptions(
        autoPingInterval=PING, autoPingTimeout=PONG, maxMessagePayloadSize=LARGEST
    )
    endpoint: Any = HostnameEndpoint(reactor, factory.host, factory.port)
    if factory.isSecure:
        endpoint = wrapClientTLS(optionsForClientTLS(factory.host), endpoint)
    try:
        await endpoint.connect(factory)
    except (ConnectError, DNSLookupError) as error:
        text = f"{factory.host}:{factory.port}: {error}"
        raise Lost(text, Status.NOT_REACHABLE, opened=False) from None
    return await ended


def ending(code: int, reason: str, *, opened: bool) -> Ended:
    """Return how a command ends whose connection was closed.

    Args:
        code: with which; not 1000.
        reason: the same for people, or what Autobahn says of a handshake that was refused.
        opened: whether it had been there.
    """
    refused = None if opened else REFUSED.search(reason)
    if refused:
        text, status = f"the pusher answered {refused[1]}", STATUSES.get(int(refused[1]))
        again = status is Status.TRY_LATER
    else:
        # Others may have written it, and people look at it: see :mod:`tpush.command.contents`.
        said = reason if reason.isprintable() else ascii(reason)
        text, status = f"the connection was closed with {code}: {said}", CODES.get(code)
        again = comes_back(code)
    status = status or Status.FAILED
    return Lost(text, status, opened=opened) if again else Ended(text, status)


def comes_back(code: int) -> bool:
    """Say whether a client may come back that was closed with this code."""
    return code in LOST or 4000 <= code < 4500


class _Listener(WebSocketClientProtocol):
    def __init__(self, taker: Takes, ended: Deferred[int]) -> None:
        super().__init__()
        self._taker = taker
        self._ended = ended
        self._opened = False

    @override
    def onOpen(self) -> None:
        self._opened = True
        self._taker.begin()

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self._ended.called:
            return
        try:
            done = self._taker.take(payload, text=not isBinary)
        except Exception:  # noqa: BLE001 - what was printed to may be gone; Autobahn would log it
            self._ended.errback()
        else:
            if done:
                self._ended.callback(Status.OK)

    @override
    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self._ended.called:
            return
        if code == 1000:
            self._ended.callback(Status.OK)
        else:
            self._ended.errback(ending(code, reason, opened=self._opened))
