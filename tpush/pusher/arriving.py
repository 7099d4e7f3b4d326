"""A client that arrives: its opening handshake, on Autobahn.

What is ours is to make it cheap: to read no more than it takes, to decide at once where nobody has
to be asked, to answer and greet in one write, and to let go of what is left behind. And to bound
what it may cost: its bytes, and its time.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.claims import Claims
from tpush.metrics import PusherMetrics
from tpush.pusher.admission import ANYBODY, NOBODY, Admission, Admitted
from tpush.pusher.asking import Arrival, Asking
from tpush.pusher.closing import Close
from tpush.pusher.dialect import PLAIN, Dialect
from tpush.pusher.head import check_head
from tpush.pusher.opening import VERSION, Opening, read_opening
from tpush.pusher.probe import BEGINS, answer_probe
from tpush.pusher.quiet import Quiet
from tpush.pusher.refusal import Denied, refusal
from tpush.pusher.room import Place, Room

MAX_HEAD = 64 * 1024
"""Bytes of an opening handshake: Autobahn gathers any number, and searches all at each read."""

END = b"\r\n\r\n"
"""Of an opening handshake."""

LEFT_BEHIND = (
    "is_open",
    "http_response_data",
    "websocket_extensions",
    "websocket_extensions_in_use",
    "websocket_protocols",
    "_wskey",
)
"""What the opening handshake leaves on a connection."""


class Door(Protocol):
    """What a client that arrives needs of the factory that made its connection."""

    metrics: PusherMetrics
    admission: Admission
    asking: Asking | None
    """Is asked before a client is taken."""
    room: Room
    countConnections: int
    closeHandshakeTimeout: float
    """Seconds that a client has to take what it is told last."""
    complaint: Callable[[], str]
    """Says why nobody new should be sent here, or nothing."""

    def later(self, seconds: float, call: Callable[[], None]) -> IDelayedCall:
        """Call in that many seconds."""
        ...

    def choose(self, protocols: Sequence[str]) -> Dialect | None:
        """Return the dialect to speak to a client that offers those subprotocols, or none."""
        ...


class Arriving(WebSocketServerProtocol):
    """A connection whose client is not taken yet."""

    CONFIG_ATTRS = []
    """None is copied from the factory, which has them on a class of its own."""

    factory: Door
    place: Place
    """What it counts as."""
    dialect: Dialect = PLAIN
    """In which its client is spoken to."""
    claims: Claims = NOBODY
    """What its token says."""
    websocket_version = VERSION
    log = Quiet()
    _ours = Logger()
    _groups: Sequence[str] = ()
    """That it joins as soon as it has opened."""
    _verdict: Close | None = None
    """How it is closed as soon as it has opened, and has been sent what waits."""
    _asked: Deferred[None] | None = None
    """While it is asked whether the client may connect."""
    _answer = b""
    """To the handshake, until it goes out."""

    # The first five stand in for Autobahn's own, which prepare for what nobody here asks for, and
    # build log arguments on every call, in colour where `click` is installed.

    def __init__(self) -> None:
        self.is_closed = Deferred[Any]()
        self.is_open = Deferred[None]()

    @override
    def connectionMade(self) -> None:
        transport: Any = self.transport
        with suppress(AttributeError, OSError):  # a unix socket has no such option
            transport.setTcpNoDelay(True)
        WebSocketProtocol._connectionMade(self)
        self.factory.countConnections += 1

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        WebSocketProtocol._connectionLost(self, reason)  # type: ignore[arg-type]
        self.factory.countConnections -= 1
        if self._asked is not None:
            self._asked.cancel()
        # Autobahn has resolved it with the connection itself. Without that cycle a connection is
        # freed when it is lost, with the buffers of its transport, and not by some late pass of
        # the garbage collector.
        self.is_closed = None

    @override
    def dataReceived(self, data: bytes) -> None:
        if self.state == self.STATE_CONNECTING and len(self.data) + len(data) > MAX_HEAD:
            self.failHandshake("the head of a request is too large", 431)
        elif self.state != self.STATE_CLOSED:
            self._dataReceived(data)

    @override
    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        if self.state == self.STATE_CONNECTING:
            self._answer = data  # it goes out with the first frame
        else:
            self.transport.write(data)  # type: ignore[union-attr]

    @override
    def processHandshake(self) -> None:
        head, end, rest = self.data.partition(END)
        # Once it has been read, what a client sends now waits until it is open.
        if not end or self._asked is not None:
            return
        try:
            check_head(head)
            if not rest and head.startswith(BEGINS) and self._answers_probe():
                return
            opening = read_opening(head)
            self.data = rest
            self.arrive(opening)
        except Exception as error:  # noqa: BLE001 - the client is told, and so is the log
            self._deny(error)

    def _answers_probe(self) -> bool:
        answer = answer_probe(self.data, self.factory.complaint())
        if answer is None:
            return False
        self.transport.write(answer)  # type: ignore[union-attr]
        self.dropConnection()
        return True

    def arrive(self, opening: Opening) -> None:
        """Take a client whose handshake was read, or ask whether to.

        Raises:
            Denied: it may not connect.
        """
        peer = getattr(self.transport.getPeer(), "host", None)  # type: ignore[union-attr]
        address = self.factory.room.know(self.place, peer, opening.headers)
        try:
            admitted = self.factory.admission.check(opening)
        except Denied:
            self.factory.metrics.refused += 1
            raise
        asking = self.factory.asking
        if isinstance(admitted, Close):
            self.factory.metrics.refused += 1
        elif asking is not None:
            arrival = Arrival(address, opening.origin, opening.path, opening.query)
            asked = Deferred.fromCoroutine(self._ask(asking, arrival, admitted, opening))
            if not asked.called:
                self._asked = asked
            return
        self._take(admitted, opening)

    async def _ask(
        self, asking: Asking, arrival: Arrival, admitted: Admitted, opening: Opening
    ) -> None:
        try:
            self._take(await asking.ask(arrival, admitted), opening)
        except CancelledError:
            pass  # the client is gone
        except Exception as error:  # noqa: BLE001 - as above
            self._deny(error)
        finally:
            self._asked = None

    def _take(self, admitted: Admitted | Close, opening: Opening) -> None:
        if self.state != self.STATE_CONNECTING:
            return  # whoever was asked answers when the client is gone, or was given up
        if isinstance(admitted, Close):
            self._verdict = admitted
        elif admitted is not ANYBODY:
            self.claims, self._groups = admitted.claims, admitted.groups
        dialect = self.factory.choose(opening.protocols)
        if dialect is not None and dialect is not self.dialect:
            self.dialect = dialect
        self._wskey = opening.key
        self.websocket_protocols = list(opening.protocols)
        self.websocket_extensions = self._parseExtensionsHeader(opening.extensions)
        self.succeedHandshake(None if dialect is None else dialect.name)
        self._forget_handshake()

    def _deny(self, error: Exception) -> None:
        if isinstance(error, Denied):
            self.failHandshake(error.reason, error.status, error.headers)
        else:
            self._ours.failure("a handshake failed", Failure(error))
            self.failHandshake("something went wrong here", 500)

    @override
    def failHandshake(self, reason: str, code: int = 400, responseHeaders: Any = None) -> None:
        if self.state == self.STATE_CONNECTING:
            super().failHandshake(reason, code, responseHeaders)

    @override
    def sendHttpErrorResponse(
        self, code: int, reason: str, responseHeaders: Iterable[tuple[str, object]] | None = None
    ) -> None:
        self.transport.write(refusal(code, reason, responseHeaders or ()))  # type: ignore[union-attr]

    @override
    def _onOpen(self) -> None:
        self.onOpen()

    def greet(self, frame: bytes) -> None:
        """Answer the handshake, with a first frame: one write is half of what two cost."""
        answer = self._answer
        del self._answer
        self.transport.write(answer + frame)  # type: ignore[union-attr]

    def _forget_handshake(self) -> None:
        """Let go of what nobody asks for again."""
        for name in LEFT_BEHIND:
            setattr(self, name, None)
