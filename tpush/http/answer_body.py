"""The whole body of an answer, up to a bound.

Twisted's own `readBody` and treq's have no bound, and keep the connection of an answer that was
given up.
"""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse
from typing_extensions import override

from tpush.http.errors import StrangeAnswer

LONGEST = 16 * 1024 * 1024
"""Bytes of an answer: that to a batch has some hundred for each publish."""


def read_whole(response: IResponse, longest: int = LONGEST) -> Deferred[bytes]:
    """Return what fires with the body; cancelling it closes the connection.

    Args:
        response: its head has come.
        longest: bytes; one that has more fails with :class:`StrangeAnswer`.
    """
    collecting = _Collecting(longest)
    response.deliverBody(collecting)
    return collecting.whole


class _Collecting(Protocol):
    def __init__(self, longest: int) -> None:
        self._left = longest
        self._body: list[bytes] = []
        self.whole: Deferred[bytes] = Deferred(lambda _: self._hang_up())

    @override
    def dataReceived(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left >= 0:
            self._body.append(data)
        elif not self.whole.called:
            self._hang_up()
            self.whole.errback(StrangeAnswer("the answer is longer than any of a publisher"))

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.whole.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.whole.callback(b"".join(self._body))
        else:
            self.whole.errback(ResponseFailed([reason]))

    def _hang_up(self) -> None:
        self._body.clear()
        if self.transport is not None:
            self.transport.loseConnection()
