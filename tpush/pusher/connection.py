"""One WebSocket connection, on Autobahn, and the factory that makes them.

Autobahn speaks the protocol (RFC 6455). What is ours is to make a connection cheap: its 30-odd
options stand on a class of the factory's own instead of on each connection, and what its opening
handshake leaves behind is let go.
"""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from autobahn.twisted.util import peer2str
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.access import Origins
from tpush.limits import Limits
from tpush.message import ConnectionID, Message, WorkerID
from tpush.metrics import PusherMetrics
from tpush.pusher.audience import Audience
from tpush.pusher.backlog import Backlog, BacklogFull, SlowPolicy
from tpush.pusher.fanout import FanOut, Receiver

GOING_AWAY = 1001
""":rfc:`6455#section-7.4.1`: the server goes down."""

SERVICE_RESTART = 1012
"""Registered with IANA: come back, elsewhere or later."""

SLOW = 4008
"""The client does not read as fast as messages come; it may come back."""

OPEN = WebSocketServerProtocol.STATE_OPEN

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


@implementer(IPushProducer)
class Connection(WebSocketServerProtocol, Receiver):  # type: ignore[misc]
    """A client, from its handshake to its end."""

    CONFIG_ATTRS = []
    """None is copied from the factory: see :func:`_with_options`."""

    factory: "PusherFactory"
    connection: ConnectionID | None = None
    _backlog: Backlog | None = None
    """What waits, while the transport takes nothing more."""
    _paused = False

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
        self._dataReceived(data)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        WebSocketProtocol._connectionLost(self, reason)  # type: ignore[arg-type]
        self.factory.countConnections -= 1

    @override
    def onConnect(self, request: ConnectionRequest) -> None:
        # Autobahn's request.origin is empty where there is none, and where it is empty.
        origin = request.headers.get("origin")
        refusal = self.factory.origins.refuse(origin, request.host)
        if refusal is not None:
            self.factory.metrics.refused += 1
            raise ConnectionDeny(ConnectionDeny.FORBIDDEN, refusal)

    @override
    def _onOpen(self) -> None:
        self.onOpen()

    @override
    def onOpen(self) -> None:
        self._forget_handshake()
        self.transport.registerProducer(self, True)  # type: ignore[union-attr]  # noqa: FBT003
        self.factory.opened(self)

    @override
    def onPing(self, payload: bytes) -> None:
        # One who asks and does not read must not fill our memory with answers; he may be answered
        # once for several, RFC 6455 section 5.5.3.
        if self._backlog is None:
            super().onPing(payload)

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        pass  # clients are listened to by the subprotocol, which is another capability

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

    def _wait(self, backlog: Backlog, frames: bytes, messages: int) -> None:
        metrics = self.factory.metrics
        try:
            metrics.slow_dropped += backlog.add(frames, messages)
        except BacklogFull:
            metrics.slow_closed += 1
            metrics.slow_dropped += backlog.clear() + messages
            self.close(SLOW, "too slow: come back")

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
            else:
                self.transport.write(frames)  # type: ignore[union-attr]

    def stopProducing(self) -> None:  # noqa: N802 - the same
        """Be told that the connection is gone."""

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake, or drop a connection that has not opened."""
        if self.state == OPEN:
            # Not sendClose: it refuses the codes below 3000 that a server may well send.
            self.sendCloseFrame(code=code, reasonUtf8=reason.encode(), isReply=False)
        elif self.state == self.STATE_CONNECTING:
            self.abort()

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def _forget_handshake(self) -> None:
        """Let go of what nobody asks for again: 2 KB of headers and parses."""
        for name in LEFT_BEHIND:
            setattr(self, name, None)


class PusherFactory(WebSocketServerFactory):
    """Makes connections, greets them, and knows who is there.

    Args:
        worker: the id that clients are greeted with.
        reactor: the reactor to use.
        limits: bounds and times.
        origins: which web pages may connect.
        slow: what is done for a client that does not read.
    """

    noisy = False
    connection_class: type[Connection] = Connection

    def __init__(
        self,
        worker: WorkerID,
        reactor: IReactorTime,
        limits: Limits,
        origins: Origins | None = None,
        slow: SlowPolicy = SlowPolicy.DISCONNECT,
    ) -> None:
        super().__init__(reactor=reactor, server="tpush")
        # Autobahn's own timer goes to the global reactor, whichever it was given.
        self._batched_timer = SimpleNamespace(call_later=reactor.callLater)
        self.worker = worker
        self.origins = origins or Origins()
        self.metrics = PusherMetrics()
        self._slow = slow
        self._max_pending = limits.pending
        self.audience: Audience[Receiver] = Audience()
        self.fanout = FanOut(self.audience, reactor, self._frame)
        self._connections: set[Connection] = set()
        self._empty: Deferred[None] | None = None
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            # Else a message that is too long ends as 1006, without a close frame.
            failByDrop=False,
            maxFramePayloadSize=limits.client_message,
            maxMessagePayloadSize=limits.client_message,
            openHandshakeTimeout=limits.greeting,
            closeHandshakeTimeout=limits.close_wait,
            autoPingInterval=limits.ping_interval,
            autoPingTimeout=limits.ping_timeout,
            allowNullOrigin=True,
        )
        self.protocol = _with_options(self.connection_class, self)

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        connection: Any = super().buildProtocol(addr)
        self._connections.add(connection)
        return connection

    def backlog(self) -> Backlog:
        """Return the backlog of a client that begins to be slow."""
        return Backlog(self._max_pending, self._slow)

    def opened(self, connection: Connection) -> None:
        """Greet a client whose handshake is done, and let it have what comes from now on."""
        self.metrics.opened += 1
        self.fanout.flush()
        connection.connection = self.audience.add(connection)
        greeting = f"workerID:{self.worker} connectionID:{connection.connection} connected\n"
        connection.write_frames(self.frame(greeting.encode(), text=True), 1)

    def closed(self, connection: Connection) -> None:
        """Forget a client."""
        if connection.connection is not None:
            self.audience.remove(connection.connection)
        self._connections.discard(connection)
        if self._empty is not None and not self._connections:
            empty, self._empty = self._empty, None
            empty.callback(None)

    def frame(self, content: bytes, *, text: bool) -> bytes:
        """Return *content* as one unmasked frame, :rfc:`6455#section-5.2`."""
        framed: bytes = self.prepareMessage(content, isBinary=not text).payloadHybi
        return framed

    def close_all(self, code: int, reason: str) -> Deferred[None]:
        """Close all connections.

        Returns:
            Fires when the last one is gone.
        """
        self.fanout.flush()
        if self._empty is None:
            self._empty = Deferred()
        empty = self._empty
        for connection in list(self._connections):
            connection.close(code, reason)
        if not self._connections and not empty.called:
            self._empty = None
            empty.callback(None)
        return empty

    def abort_all(self) -> None:
        """Drop the connections that are left."""
        for connection in list(self._connections):
            connection.abort()

    def _frame(self, message: Message) -> bytes:
        return self.frame(message.data, text=message.text)


def _with_options(base: type[Connection], factory: PusherFactory) -> type[Connection]:
    """Return a class of this factory's connections, with its options on the class.

    Autobahn copies them to each connection, and formats them for a debug line: 43% of the
    handshake. They stand on a class of each factory's own, since two in one process may differ.
    """
    options: dict[str, Any] = {}
    for name in WebSocketServerProtocol.CONFIG_ATTRS:
        value = getattr(factory, name)
        # A function on a class is a method, and would be given the connection as well.
        options[name] = staticmethod(value) if callable(value) else value
    return type(base.__name__, (base,), options)
