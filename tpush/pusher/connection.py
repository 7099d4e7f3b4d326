"""One WebSocket connection, on Autobahn.

Autobahn speaks the protocol (RFC 6455). What is ours is to make a connection cheap, what its
opening handshake leaves behind is let go, and to bound what it may cost: what waits for a client
that does not read, and what one that writes without end is listened to.
"""

from collections.abc import Sequence
from typing import Protocol

from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.message import ConnectionID
from tpush.net.unsent import unsent
from tpush.pusher.arriving import Arriving, Door
from tpush.pusher.backlog import Backlog, BacklogFull
from tpush.pusher.closing import EXPIRED, SLOW, TOO_MANY, Close
from tpush.pusher.receiver import Outcome, Receiver

OPEN = Arriving.STATE_OPEN
CLOSE = 8
"""The first opcode of control frames, :rfc:`6455#section-5.2`."""

MAX_CONTROL = 125
"""Bytes of a control frame, :rfc:`6455#section-5.5`."""


class Owner(Door, Protocol):
    """What a connection needs of the factory that made it."""

    client_frames: int
    """What a client may send in a second; 0 is without bound."""

    def seconds(self) -> float:
        """Return the time."""
        ...

    def backlog(self) -> Backlog:
        """Return the backlog of a client that begins to be slow."""
        ...

    def opened(self, connection: "Connection", groups: Sequence[str]) -> None:
        """Be told that a client's handshake is done, and which groups it joins."""

    def heard(self, connection: "Connection", payload: bytes, *, text: bool) -> None:
        """Take what a client says."""

    def closed(self, connection: "Connection") -> None:
        """Be told that a client is gone."""


@implementer(IPushProducer)
class Connection(Arriving, Receiver):  # type: ignore[misc]
    """A client, from its handshake to its end."""

    factory: Owner
    connection: ConnectionID | None = None
    _expiry: IDelayedCall | None = None
    _end: IDelayedCall | None = None
    """Drops it, where it does not take what it is told last."""
    _backlog: Backlog | None = None
    """What waits, while the transport takes nothing more."""
    _paused = False
    _second = 0.0
    _frames = 0
    """Sent by the client since that second began."""

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        WebSocketProtocol._connectionLost(self, reason)  # type: ignore[arg-type]
        self.factory.countConnections -= 1
        # The last of them is Autobahn's, which lets it run.
        if self._asked is not None:
            self._asked.cancel()
        for timer in (self._expiry, self._end, self.closeHandshakeTimeoutCall):
            if timer is not None and timer.active():
                timer.cancel()
        # Autobahn has resolved it with the connection itself. Without that cycle a connection is
        # freed when it is lost, with the buffers of its transport, and not by some late pass of
        # the garbage collector.
        self.is_closed = None

    @override
    def dropConnection(self, abort: bool = False) -> None:
        if not abort and self.state != self.STATE_CLOSED:
            # Twisted waits without end for a client that does not take what is written, or, with
            # TLS, does not answer the close.
            self._end = self.factory.later(self.factory.closeHandshakeTimeout, self.abort)
        super().dropConnection(abort)

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

    @override
    def write_frames(self, frames: bytes, messages: int) -> None:
        if self.state == OPEN:
            if self._backlog is None:
                self.transport.write(frames)  # type: ignore[union-attr]
            else:
                self._wait(self._backlog, frames, messages)

    @override
    def write_telling(self, frame: bytes) -> Outcome:
        if self.state != OPEN:
            return Outcome.DROPPED
        if self._backlog is None:
            self.transport.write(frame)  # type: ignore[union-attr]
            return self.look_again()
        backlog = self._backlog
        self._wait(backlog, frame, 1)
        return Outcome.WAITING if backlog.newest is frame else Outcome.DROPPED

    @override
    def look_again(self) -> Outcome:
        # One that has ended meanwhile may have got it before, and its buffer does not say.
        if self.state == self.STATE_CLOSED or unsent(self.transport):
            return Outcome.IN_TRANSPORT
        return Outcome.WRITTEN

    def _wait(self, backlog: Backlog, frames: bytes, messages: int) -> None:
        if self._verdict is not None:
            return
        metrics = self.factory.metrics
        try:
            metrics.slow_dropped += backlog.add(frames, messages)
        except BacklogFull:
            metrics.slow_closed += 1
            metrics.slow_dropped += backlog.clear() + messages
            self.close(SLOW)

    # The transport's producer: it says when the client falls behind.

    def pauseProducing(self) -> None:  # noqa: N802 - IPushProducer has the name
        """Let frames wait here: the transport has as much as it is to have."""
        self._paused = True
        if self._backlog is None:
            self._backlog = self.factory.backlog()

    def resumeProducing(self) -> None:  # noqa: N802 - the same
        """Give the transport what waits, until it has enough."""
        self._paused = False
        while not self._paused and self._backlog is not None and self.state == OPEN:
            frames = self._backlog.take()
            if frames is None:
                self._backlog = None
                if self._verdict is not None:
                    self.close(self._verdict)
            else:
                self.transport.write(frames)  # type: ignore[union-attr]

    def stopProducing(self) -> None:  # noqa: N802 - the same
        """Be told that the connection is gone."""

    def close(self, close: Close) -> None:
        """Begin the closing handshake, or drop a connection that has not opened."""
        if self.state == OPEN:
            # Not sendClose: it refuses the codes below 3000 that a server may well send.
            self.sendCloseFrame(code=close.code, reasonUtf8=close.reason.encode(), isReply=False)
        elif self.state == self.STATE_CONNECTING:
            self.abort()

    def leave(self, close: Close) -> None:
        """Close once all that waits has been sent; a handshake in progress is finished first."""
        self.factory.metrics.drained += 1
        self._finish(close)

    def finish(self, close: Close) -> bool:
        """Close once all that waits has been sent, or when its time is over.

        Returns:
            Whether it had not begun to close before.
        """
        if self.state != OPEN or self._verdict is not None:
            return False
        self._finish(close)
        if self._backlog is not None and self._end is None:
            self._end = self.factory.later(self.factory.closeHandshakeTimeout, self.abort)
        return True

    def _finish(self, close: Close) -> None:
        self._verdict = close
        if self.state == OPEN and self._backlog is None:
            self.close(close)

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _expire(self) -> None:
        self.factory.metrics.expired += 1
        self.close(EXPIRED)
