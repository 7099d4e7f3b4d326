"""A connection that there is no room for."""

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.net.refusing import Refusing


class RefusingTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.refusing = Refusing(b"no room", self.clock, 2)
        self.refusing.makeConnection(self.transport)

    def test_says_so_and_closes(self) -> None:
        """It says what it has to say, closes, and leaves nothing behind."""
        self.assertEqual(self.transport.value(), b"no room")
        self.assertTrue(self.transport.disconnecting)
        self.refusing.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_who_does_not_take_it(self) -> None:
        """Who does not take the answer in time is dropped."""
        self.clock.advance(1.9)
        self.assertFalse(self.transport.disconnected)
        self.clock.advance(0.2)
        self.assertTrue(self.transport.disconnected)
        self.refusing.connectionLost(Failure(ConnectionDone()))
