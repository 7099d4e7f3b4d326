"""One WebSocket connection, on Autobahn.

Autobahn speaks the protocol (RFC 6455). How a client is taken is in :mod:`tpush.pusher.arriving`,
and what it is sent in :mod:`tpush.pusher.outgoing`; here is what it says, and how long it stays.
What one that writes without end is listened to is bounded.
"""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.message import ConnectionID
from tpush.pusher.closing import EXPIRED, TOO_MANY
from tpush.pusher.outgoing import OPEN, Outgoing, Source

CLOSE = 8
"""The first opcode of control frames, :rfc:`6455#section-5.2`."""

MAX_CONTROL = 125
"""Bytes of a control frame, :rfc:`6455#section-5.5`."""


class Owner(Source, Protocol):
    """What a connection needs of the factory that made it."""

    client_frames: int
    """What a client may send in a second; 0 is without bound."""

    def seconds(self) -> float:
        """Return the time."""
        ...

    def opened(self, connection: "Connection", groups: Sequence[str]) -> None:
        """Be told that a client's handshake is done, and which groups it joins."""

    def heard(self, connection: "Connection", payload: bytes, *, text: bool) -> None:
        """Take what a client says."""

    def closed(self, connection: "Connection") -> None:
        """Be told that a client is gone."""


class Connection(Outgoing):
    """A client, from its handshake to its end."""

    factory: Owner
    connection: ConnectionID | None = None
    _expiry: IDelayedCall | None = None
    _second = 0.0
    _frames = 0
    """Sent by the client since that second began."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        if self._expiry is not None and self._expiry.active():
            self._expiry.cancel()

    @override
    def onAutoPingTimeout(self) -> None:
        self.factory.metrics.silent += 1
        super().onAutoPingTimeout()

    @override
    def onOpen(self) -> None:
        if self._verdict is not None:
            self.greet(b"")
            self.close(self._verdict)
            return
        if self.claims.seconds is not None:
            self._expiry = self.factory.later(self.claims.seconds, self._expire)
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]  # noqa: FBT003
        groups = self._groups
        if groups:
            del self._groups
        self.factory.opened(self, groups)

    @override
    def onFrameBegin(self) -> None:
        super().onFrameBegin()
        frame = self.current_frame
        if frame.opcode >= CLOSE and frame.length > MAX_CONTROL:
            # Autobahn has said so, and reads on for an answer: it would gather all of this.
            self.dropConnection()
            return
        now = self.factory.seconds()
        if now - self._second >= 1:
            self._second, self._frames = now, 0
        self._frames += 1
        if 0 < self.factory.client_frames < self._frames:
            if self.state == OPEN:
                self.factory.metrics.flooding += 1
                self.close(TOO_MANY)
            # What it has sent on top is not even parsed; its time to answer the close is running.
            self.data = b""
            self.transport.pauseProducing()  # type: ignore[union-attr]

    @override
    def onMessageFrameData(self, payload: bytes) -> None:
        # Autobahn keeps empty fragments too, of a message that may have any number of them.
        if payload:
            super().onMessageFrameData(payload)

    @override
    def onPing(self, payload: bytes) -> None:
        # One who asks and does not read must not fill our memory with answers; he may be answered
        # once for several, RFC 6455 section 5.5.3.
        if self._backlog is None:
            super().onPing(payload)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        if self.state == OPEN:
            self.factory.heard(self, payload, text=not isBinary)

    @override
    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._backlog = None
        self.factory.closed(self)

    def _expire(self) -> None:
        if self.state == OPEN:  # else it is being closed for something else
            self.factory.metrics.expired += 1
            self.close(EXPIRED)
