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

from tpush.command.ending import Ended
from tpush.command.status import Status

REFUSED = re.compile(r"upgrade failed \[(\d+)\]")
"""What Autobahn says of a handshake that was answered with another status than 101."""

STATUSES = {401: Status.NOT_ALLOWED, 403: Status.NOT_ALLOWED, 429: Status.TRY_LATER,
            502: Status.TRY_LATER, 503: Status.TRY_LATER}  # fmt: skip
"""How a command ends whose handshake was refused, by its status."""

CODES = {1000: Status.OK, 1001: Status.NOT_REACHABLE, 1006: Status.NOT_REACHABLE,
         1012: Status.NOT_REACHABLE, 1013: Status.TRY_LATER, 4008: Status.TRY_LATER,
         4401: Status.NOT_ALLOWED, 4429: Status.TRY_LATER, 4501: Status.NOT_ALLOWED,
         4503: Status.NOT_ALLOWED}  # fmt: skip
"""The same, by the code that a connection was closed with."""

PING, PONG = 20.0, 10.0
"""Seconds without anything before a ping is sent, and for its answer."""

LARGEST = 64 * 1024 * 1024
"""Bytes of one content."""


class Takes(Protocol):
    """Takes what comes."""

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
        Ended: the connection cannot be made, was refused or has ended.
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
        raise Ended(f"{factory.host}:{factory.port}: {error}", Status.NOT_REACHABLE) from None
    return await ended


class _Listener(WebSocketClientProtocol):
    def __init__(self, taker: Takes, ended: Deferred[int]) -> None:
        super().__init__()
        self._taker = taker
        self._ended = ended

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
        refused = REFUSED.search(reason)
        if refused:
            status = STATUSES.get(int(refused[1]), Status.FAILED)
            self._ended.errback(Ended(f"the pusher answered {refused[1]}", status))
        elif code == 1000:
            self._ended.callback(Status.OK)
        else:
            status = CODES.get(code, Status.FAILED)
            self._ended.errback(Ended(f"the connection was closed with {code}: {reason}", status))
