"""One HTTP connection: bounds for what a client may send and how long it may take.

A request that breaks a bound is refused where that shows, before the rest of it is read, and the
connection is closed. twisted.web does part of this, without an answer or with a bare one, and
then closes at once. But a client that is still sending then finds its connection reset, which on
its side throws away an answer that it has not read. So the answer is sent, our direction closed,
and what still comes in discarded until the client closes its own (:rfc:`9112#section-9.6`); for a
short while, then the connection is cut.
"""

import re
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, datetimeToString
from twisted.web.http_headers import Headers
from typing_extensions import override
from zope.interface import implementer

from tpush.errors import TooLarge
from tpush.limits import Limits
from tpush.publisher.errors import Overloaded
from tpush.publisher.load import Load

SERVER = b"tpush"
"""Says what we are, and nothing of the versions of anything."""

REQUEST_LINE = re.compile(rb"[A-Z]+ /[^ ]* HTTP/1\.[01]")
"""No header looks like this: it would have a colon in its name."""

NOT_ASCII = re.compile(rb"[\x80-\xff]")

DISCARD_SECONDS = 2.0
"""What a client still sends after a refusal is discarded for so long."""


@implementer(IHalfCloseableProtocol)
class HTTPConnection(HTTPChannel):
    """A server's end of an HTTP connection.

    Args:
        limits: ``request_line``, ``request_head`` and ``request_wait``.
        load: counts it.
    """

    transport: Any

    def __init__(self, limits: Limits, load: Load) -> None:
        super().__init__()
        self._limits = limits
        self._load = load
        self._closing = False
        self.MAX_LENGTH = limits.request_line
        self.totalHeadersSize = limits.request_head

    @override
    def dataReceived(self, data: bytes) -> None:
        # Not HTTPChannel's own: it starts the timeout anew at every byte, and a client that sends
        # one now and then has forever.
        if not self._closing:
            LineReceiver.dataReceived(self, data)

    @override
    def lineReceived(self, line: bytes) -> None:
        # curl sends what was typed: twisted.web takes no request line that is not ASCII.
        if not line.isascii() and REQUEST_LINE.fullmatch(line):
            line = NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], line)
        try:
            super().lineReceived(line)
        except (TooLarge, Overloaded) as error:
            self.refuse(error.status, str(error))

    @override
    def headerReceived(self, line: bytes) -> bool:
        try:
            ok: bool = super().headerReceived(line)
        except ValueError:
            # Python turns no more than 4,300 digits into a number.
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a length of too many digits")
            return False
        return ok

    @override
    def allHeadersReceived(self) -> None:
        super().allHeadersReceived()
        if self.length != 0:
            self.resetTimeout()

    @override
    def rawDataReceived(self, data: bytes) -> None:
        try:
            super().rawDataReceived(data)
        except TooLarge as error:
            self.refuse(error.status, str(error))

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
