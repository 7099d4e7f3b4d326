"""One HTTP connection: bounds for what a client may send and how long it may take.

A request that breaks a bound is refused where that shows, before the rest of it is read, and the
connection is closed. twisted.web does part of this, without an answer or with a bare one, and
then closes at once. But a client that is still sending then finds its connection reset, which on
its side throws away an answer that it has not read. So the answer is sent, our direction closed,
and what still comes in discarded until the client closes its own (:rfc:`9112#section-9.6`); for a
short while, then the connection is cut.
"""

from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request, datetimeToString
from twisted.web.http_headers import Headers
from typing_extensions import override
from zope.interface import implementer

from tpush.errors import TooLarge
from tpush.limits import Limits
from tpush.publisher.draining import Connections
from tpush.publisher.errors import BadRequest, Overloaded
from tpush.publisher.head import (
    RequestLine,
    check_field_line,
    check_head,
    check_trailer_line,
    is_last,
    parse_request_line,
)
from tpush.publisher.load import Load

SERVER = b"tpush"
"""Says what we are, and nothing of the versions of anything."""

DISCARD_SECONDS = 2.0
"""What a client still sends after a refusal is discarded for so long."""


@implementer(IHalfCloseableProtocol)
class HTTPConnection(HTTPChannel):
    """A server's end of an HTTP connection.

    Args:
        limits: ``request_line``, ``request_head`` and ``request_wait``.
        load: counts it.
        connections: those that are open, of which this is one.
    """

    transport: Any
    _line: RequestLine | None = None
    """The request line, while the rest of the request is read."""

    def __init__(self, limits: Limits, load: Load, connections: Connections) -> None:
        super().__init__()
        self._limits = limits
        self._load = load
        self._connections = connections
        self._closing = False
        self.MAX_LENGTH = limits.request_line
        self.totalHeadersSize = limits.request_head

    @override
    def connectionMade(self) -> None:
        super().connectionMade()
        self._connections.add(self)

    @override
    def dataReceived(self, data: bytes) -> None:
        # Not HTTPChannel's own: it starts the timeout anew at every byte, and a client that sends
        # one now and then has forever.
        if not self._closing:
            LineReceiver.dataReceived(self, data)

    @override
    def lineReceived(self, line: bytes) -> None:
        try:
            super().lineReceived(self._checked(line))
        except (BadRequest, TooLarge, Overloaded) as error:
            self.refuse(error.status, str(error))

    @override
    def headerReceived(self, line: bytes) -> bool:
        try:
            ok: bool = super().headerReceived(line)
        except ValueError:
            # Python turns no more than 4,300 digits into a number.
            raise TooLarge("a length of too many digits") from None
        return ok

    @override
    def allHeadersReceived(self) -> None:
        headers = self.requests[-1].requestHeaders
        hosts = headers.getRawHeaders(b"Host", ())
        check_head(self._version, hosts, headers.getRawHeaders(b"Transfer-Encoding", ()))
        if self._line is not None and self._line.authority is not None:
            headers.setRawHeaders(b"Host", [self._line.authority])
        super().allHeadersReceived()
        if self.length != 0:
            self.resetTimeout()

    @override
    def checkPersistence(self, request: Request, version: bytes) -> bool:
        # Not twisted.web's own, which sees no `close` that has a comma or another header before it.
        asked = request.requestHeaders.getRawHeaders(b"Connection", ())
        last = self._connections.last or is_last(version, asked)
        if last:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        return not last

    @override
    def rawDataReceived(self, data: bytes) -> None:
        try:
            super().rawDataReceived(data)
        except (BadRequest, TooLarge) as error:
            self.refuse(error.status, str(error))

    @override
    def _finishRequestBody(self, data: bytes) -> None:
        # twisted.web keeps what came as trailers, and looks at none of it.
        for line in getattr(self._transferDecoder, "_trailerHeaders", ()):
            check_trailer_line(bytes(line))
        super()._finishRequestBody(data)

    @override
    def allContentReceived(self) -> None:
        self._line = None
        super().allContentReceived()

    @override
    def lineLengthExceeded(self, line: bytes) -> None:
        bound = f"at most {self.MAX_LENGTH} bytes"
        if self.requests:
            status, what = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "a header line"
        else:
            status, what = HTTPStatus.REQUEST_URI_TOO_LONG, "a request line"
        self.refuse(status, f"{what} has {bound}")

    @override
    def _respondToBadRequestAndDisconnect(self) -> None:
        if self._receivedHeaderSize > self.totalHeadersSize:
            self._refuse_head(f"{self.totalHeadersSize} bytes")
        elif self._receivedHeaderCount > self.maxHeaders:
            self._refuse_head(f"{self.maxHeaders} headers")
        else:
            self.refuse(HTTPStatus.BAD_REQUEST, "malformed request")

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._load.disconnected()
        self._connections.discard(self)
        super().connectionLost(reason)

    @override
    def timeoutConnection(self) -> None:
        if self._closing:
            self.transport.abortConnection()
        elif self.requests or self.clearLineBuffer():
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")
        else:
            self._close()

    def readConnectionLost(self) -> None:  # noqa: N802 - IHalfCloseableProtocol has the name
        """Be told that the client sends nothing more; it may still wait for an answer."""
        if self._handlingRequest:
            self.persistent = False
        else:
            self.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802 - the same
        """Be told that our direction is closed, as was asked for."""

    @override
    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        headers.setRawHeaders(b"Server", [SERVER])
        super().writeHeaders(version, code, reason, headers)

    @override
    def loseConnection(self) -> None:
        if not self._closing:
            self._closing = True
            # Twisted waits without end for a client that does not take the last answer.
            self.setTimeout(self._limits.request_wait)
            self.transport.unregisterProducer()
        self.transport.loseConnection()

    def leave(self) -> None:
        """Answer the request that runs, and close; close now where none does."""
        if self.requests:
            self.persistent = False
            if not self.requests[0].startedWriting:
                self.requests[0].setHeader(b"Connection", b"close")
        elif part := self.clearLineBuffer():
            LineReceiver.dataReceived(self, part)  # a request that has begun
        else:
            self.loseConnection()

    def abort(self) -> None:
        """End now."""
        self.transport.abortConnection()

    def refuse(self, status: int, reason: str) -> None:
        """Answer a request that is not read to its end, and close the connection.

        Args:
            status: its HTTP status.
            reason: one line for the client.
        """
        body = reason.encode()
        headers = Headers({
            b"Date": [datetimeToString()],
            b"Content-Type": [b"text/plain; charset=utf-8"],
            b"Content-Length": [b"%d" % len(body)],
            b"Connection": [b"close"],
        })
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers.setRawHeaders(b"Retry-After", [b"1"])
        self._load.metrics.refused[int(status)] += 1
        phrase = HTTPStatus(status).phrase.encode()
        self.writeHeaders(b"HTTP/1.1", b"%d" % status, phrase, headers)
        self.write(body)
        self._close()

    def _checked(self, line: bytes) -> bytes:
        """Return a line of a head as twisted.web is to read it."""
        if self._line is None:
            if line:
                self._line = parse_request_line(line)
                return bytes(self._line)
        elif line:
            check_field_line(line)
        return line

    def _refuse_head(self, most: str) -> None:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self.refuse(status, f"the head of a request has at most {most}")

    def _close(self) -> None:
        """Send what is written, discard what comes, and cut the connection after a while."""
        self._closing = True
        self.clearLineBuffer()
        self.setTimeout(DISCARD_SECONDS)
        # Our direction is not closed while there is a producer; and it may have paused the other.
        transport = self.transport
        transport.unregisterProducer()
        transport.resumeProducing()
        # TLS has one close for both directions: there the client has to go by the headers.
        if ITCPTransport.providedBy(transport) and not self.isSecure():
            transport.loseWriteConnection()
