"""Bodies that go out whole, and those that come in, up to a bound."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IBodyProducer, IResponse
from typing_extensions import override
from zope.interface import implementer

MOST = 64 * 1024
"""Bytes of an answer that are read."""


@implementer(IBodyProducer)
class Whole:
    """A body that is written at once: it is small, and treq's own takes a reactor turn for it.

    Args:
        body: the bytes.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - IBodyProducer
        """Write it."""
        consumer.write(self._body)
        return succeed(None)

    def stopProducing(self) -> None:  # noqa: N802 - the same
        """Be told that nobody wants it."""

    pauseProducing = resumeProducing = stopProducing


class _Beginning(Protocol):
    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._abort())
        self._gathered = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        self._gathered += data
        if len(self._gathered) >= MOST:
            self._abort()
            self._end()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        # Without a length the end of the connection is the end of the body.
        if reason.check(ResponseDone, PotentialDataLoss):
            self._end()
        elif not self.done.called:
            self.done.errback(reason)

    def _end(self) -> None:
        if not self.done.called:
            self.done.callback(self._gathered[:MOST])

    def _abort(self) -> None:
        # What stands in for the connection can only close it, and TLS waits for the other end then.
        transport: Any = self.transport
        connection = getattr(transport, "_producer", None) or transport
        getattr(connection, "abortConnection", transport.loseConnection)()


def read_beginning(response: IResponse) -> Deferred[bytes]:
    """Return a body, or of a longer one the first :data:`MOST` bytes.

    Args:
        response: whose; where all is not read, or the Deferred is cancelled, its connection ends.
    """
    beginning = _Beginning()
    response.deliverBody(beginning)
    return beginning.done
