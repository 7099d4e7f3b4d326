"""What both ends of a link ask of their transport."""

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tpush.channel.broker import Broker
from tpush.channel.server import ChannelServer
from tpush.limits import Limits


class Transport(StringTransport):
    """Notes whether it is to send at once."""

    no_delay = False

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001, N802
        """Note it."""
        self.no_delay = enabled


class TransportTests(SynchronousTestCase):
    """A link over TCP."""

    def test_no_delay(self) -> None:
        """A small box is sent at once, and does not wait for the other end to acknowledge one."""
        clock, limits = Clock(), Limits()
        server = ChannelServer(Broker(b"i" * 16, limits, 0, 0), clock, limits)
        transport = Transport()
        server.buildProtocol(None).makeConnection(transport)
        self.assertTrue(transport.no_delay)
