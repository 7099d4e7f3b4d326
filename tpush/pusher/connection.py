"""One WebSocket connection, on Autobahn.

Autobahn speaks the protocol (RFC 6455). What is ours is to make a connection cheap, what its
opening handshake leaves behind is let go, and to bound what it may cost: what waits for a client
that does not read, and what one that writes without end is listened to.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from autobahn.twisted.util import peer2str
from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.claims import Claims
from tpush.message import ConnectionID
from tpush.metrics import PusherMetrics
from tpush.net.unsent import unsent
from tpush.pusher.admission import ANYBODY, NOBODY, Admission, Admitted, Handshake
from tpush.pusher.asking import Arrival, Asking
from tpush.pusher.backlog import Backlog, BacklogFull
from tpush.pusher.closing import EXPIRED, SLOW, TOO_MANY, Close
from tpush.pusher.dialect import PLAIN, Dialect
from tpush.pusher.head import read_head
from tpush.pusher.probe import BEGINS, answer_probe
from tpush.pusher.receiver import Outcome, Receiver
from tpush.pusher.refusal import Denied, refusal
from tpush.pusher.room import Place, Room

OPEN = WebSocketServerProtocol.STATE_OPEN
CLOSE = 8
"""The first opcode of control frames, :rfc:`6455#section-5.2`."""

MAX_HEAD = 64 * 1024
"""Bytes of an opening handshake: Autobahn gathers any number, and searches all at each read."""

END = b"\r\n\r\n"
"""Of an opening handshake."""

MAX_CONTROL = 125
"""Bytes of a control frame, :rfc:`6455#section-5.5`."""

LEFT_BEHIND = (
    "http_request_data",
    "http_response_data",
    "http_status_line",
    "http_headers",
    "http_request_uri",
    "http_request_params",
    "websocket_extensions",
    "websocket_protocols",
)
"""What the opening handshake leaves on a connection."""


class Quiet:
    """Autobahn's log, of which an error is kept: it has a line or two for each stranger."""

    _log = Logger()

    def debug(self, *_: object, **__: object) -> None:
        """Say nothing."""

    info = warn = trace = debug

    def error(self, text: str, **fields: object) -> None:
        """Say it."""
        self._log.error(text, **fields)

    failure = error


class Owner(Protocol):
    """What a connection needs of the factory that made it."""

    metrics: PusherMetrics
    admission: Admission
    asking: Asking | None
    """Is asked before a client is taken."""
    room: Room
    countConnections: int
    closeHandshakeTimeout: float
    """Seconds that a client has to take what it is told last."""
    client_frames: int
    """What a client may send in a second; 0 is without bound."""
    complaint: Callable[[], str]
    """Says why nobody new should be sent here, or nothing."""

    def seconds(self) -> float:
        """Return the time."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> IDelayedCall:
        """Call in that many seconds."""
        ...

    def backlog(self) -> Backlog:
        """Return the backlog of a client that begins to be slow."""
        ...

    def opened(self, connection: "Connection", groups: Sequence[str]) -> None:
        """Be told that a client's handshake is done, and which groups it joins."""

    def choose(self, protocols: Sequence[str]) -> Dialect | None:
        """Return the dialect to speak to a client that offers those subprotocols, or none."""
        ...

    def heard(self, connection: "Connection", payload: bytes, *, text: bool) -> None:
        """Take what a client says."""

    def closed(self, connection: "Connection") -> None:
        """Be told that a client is gone."""


@implementer(IPushProducer)
class Connection(WebSocketServerProtocol, Receiver):  # type: ignore[misc]
    """A client, from its handshake to its end."""

    CONFIG_ATTRS = []
    """None is copied from the factory: see :func:`_with_options`."""

    factory: "Owner"
    connection: ConnectionID | None = None
    place: Place
    """What it counts as."""
    dialect: Dialect = PLAIN
    """In which its client is spoken to."""
    claims: Claims = NOBODY
    """What its token says."""
    _groups: Sequence[str] = ()
    """That it joins as soon as it has opened."""
    log = Quiet()
    _verdict: Close | None = None
    """How it is closed as soon as it has opened, and has been sent what waits."""
    _expiry: IDelayedCall | None = None
    _end: IDelayedCall | None = None
    """Drops it, where it does not take what it is told last."""
    _backlog: Backlog | None = None
    """What waits, while the transport takes nothing more."""
    _paused = False
    _second = 0.0
    _frames = 0
    """Sent by the client since that second began."""
    _asked: Deferred[str | None] | None = None
    """While it is asked whether the client may connect."""

    # The first three stand in for Autobahn's own, which build log arguments on every call, in
    # colour where `click` is installed, with debug logging off: half the cost of a handshake.

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        with suppress(AttributeError, OSError):  # a unix socket has no such option
            transport.setTcpNoDelay(True)
        self.peer = peer2str(transport)
        WebSocketProtocol._connectionMade(self)
        self.factory.countConnections += 1

    @override
    def dataReceived(self, data: bytes) -> None:
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > MAX_HEAD:
            self.failHandshake("the head of a request is too large", 431)
        elif self.state != self.STATE_CLOSED:
            self._dataReceived(data)

    @override
    def processHandshake(self) -> None:
        if self._asked is not None:
            return  # the handshake has been read: what a client sends now waits until it is open
        if END in self.data:
            head, end, rest = self.data.partition(END)
            plain = read_head(head)
            if plain is None:
                self.failHandshake("malformed request")
                return
            if self.data.startswith(BEGINS) and not rest and self._answers_probe():
                return
            self.data = plain + end + rest
        super().processHandshake()

    def _answers_probe(self) -> bool:
        answer = answer_probe(self.data, self.factory.complaint())
        if answer is None:
            return False
        self.sendData(answer)
        self.dropConnection()
        return True

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
    def succeedHandshake(self, res: Any) -> None:
        # Whoever was asked about it may answer when the client is gone, or was given up.
        if self.state == self.STATE_CONNECTING:
            super().succeedHandshake(res)

    @override
    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        if self.state == self.STATE_CONNECTING:
            super().failHandshake(reason, code, responseHeaders)

    @override
    def onConnect(self, request: ConnectionRequest) -> Any:
        try:
            peer = getattr(self.transport.getPeer(), "host", None)  # type: ignore[union-attr]
            address = self.factory.room.know(self.place, peer, request.headers)
        except Denied as denied:
            raise ConnectionDeny(denied.status, denied.reason) from None
        handshake = Handshake(request.headers, request.host, request.params, request.protocols)
        try:
            admitted = self.factory.admission.check(handshake)
        except Denied as denied:
            self.factory.metrics.refused += 1
            raise ConnectionDeny(denied.status, denied.reason) from None
        dialect = self.factory.choose(request.protocols)
        protocol = None if dialect is None else dialect.name
        if dialect is not None and dialect is not self.dialect:
            self.dialect = dialect
        asking = self.factory.asking
        if isinstance(admitted, Close):
            self.factory.metrics.refused += 1
        elif asking is not None:
            arrival = Arrival(address, request.headers.get("origin"), request.path, request.params)
            asked = Deferred.fromCoroutine(self._ask(asking, arrival, admitted, protocol))
            if not asked.called:
                self._asked = asked
            return asked
        self._take(admitted)
        return protocol

    async def _ask(
        self, asking: Asking, arrival: Arrival, admitted: Admitted, protocol: str | None
    ) -> str | None:
        try:
            self._take(await asking.ask(arrival, admitted))
        except Denied as denied:
            raise ConnectionDeny(denied.status, denied.reason) from None
        except CancelledError:
            raise ConnectionDeny(503, "the client is gone") from None
        finally:
            self._asked = None
        return protocol

    def _take(self, admitted: Admitted | Close) -> None:
        if isinstance(admitted, Close):
            self._verdict = admitted
        elif admitted is not ANYBODY:
            self.claims, self._groups = admitted.claims, admitted.groups

    @override
    def sendHttpErrorResponse(
        self, code: int, reason: str, responseHeaders: Iterable[tuple[str, object]] | None = None
    ) -> None:
        self.sendData(refusal(code, reason, responseHeaders or ()))

    @override
    def onAutoPingTimeout(self) -> None:
        self.factory.metrics.silent += 1
        super().onAutoPingTimeout()

    @override
    def _onOpen(self) -> None:
        self.onOpen()

    @override
    def onOpen(self) -> None:
        self._forget_handshake()
        if self._verdict is not None:
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

    def _forget_handshake(self) -> None:
        """Let go of what nobody asks for again: 2 KB of headers and parses."""
        for name in LEFT_BEHIND:
            setattr(self, name, None)
