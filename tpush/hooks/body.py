"""The body of an answer, up to a bound."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse
from typing_extensions import override

MOST = 64 * 1024
"""Bytes of an answer that are read."""


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
