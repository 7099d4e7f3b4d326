"""The body of an answer: all of it, or an error."""

from typing import Any, cast

from twisted.internet.defer import CancelledError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.iweb import IResponse
from typing_extensions import override

from tpush.http import StrangeAnswer
from tpush.http.answer_body import read_whole


class WholeTests(SynchronousTestCase):
    """A body of at most ten bytes."""

    @override
    def setUp(self) -> None:
        self.transport = StringTransport()
        self.whole = read_whole(cast(IResponse, self), longest=10)

    def deliverBody(self, protocol: Protocol) -> None:  # noqa: N802 - as a response has it
        self.protocol: Any = protocol
        protocol.makeConnection(self.transport)

    def test_whole(self) -> None:
        """It is put together, up to its bound."""
        self.protocol.dataReceived(b"01234")
        self.protocol.dataReceived(b"56789")
        self.assertNoResult(self.whole)
        self.protocol.connectionLost(Failure(ResponseDone()))
        self.assertEqual(self.successResultOf(self.whole), b"0123456789")

    def test_torn(self) -> None:
        """What ended too early is an error."""
        self.protocol.connectionLost(Failure(ZeroDivisionError()))
        self.failureResultOf(self.whole, ResponseFailed)

    def test_too_long(self) -> None:
        """Of one that is too long nothing more is taken."""
        for _ in range(3):
            self.protocol.dataReceived(b"0" * 11)
        self.failureResultOf(self.whole, StrangeAnswer)
        self.assertTrue(self.transport.disconnecting)
        self.protocol.connectionLost(Failure(ResponseDone()))

    def test_given_up(self) -> None:
        """Cancelling it closes the connection."""
        self.whole.cancel()
        self.failureResultOf(self.whole, CancelledError)
        self.assertTrue(self.transport.disconnecting)
