"""What the kernel takes for a client that does not read, on real sockets and no reactor."""

import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.net.test_eager import Reactor
from tpush.net.send_buffer import UNSENT, bound_send_buffer


class SendBufferTests(SynchronousTestCase):
    """The kernel holds little for a client that does not read."""

    @override
    def setUp(self) -> None:
        reactor: Any = Reactor()
        self.port = tcp.Port(0, Factory(), interface="127.0.0.1", reactor=reactor)
        self.port.startListening()
        self.addCleanup(self.port.socket.close)

    def taken(self) -> int:
        """Return how much the kernel takes for a client that reads nothing."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(self.port.socket.getsockname())
        server, _ = self.port.socket.accept()
        self.addCleanup(server.close)
        server.settimeout(0)
        taken = 0
        try:
            while True:
                taken += server.send(bytes(16 * 1024))
        except BlockingIOError:
            return taken

    def test_bound(self) -> None:
        """It takes what the client has room for, and as much as the bound says."""
        bound_send_buffer(self.port)
        self.assertGreater(self.taken(), UNSENT // 2)
        self.assertLess(self.taken(), UNSENT * 2)

    def test_other_ports(self) -> None:
        """A port of another kind is left as it is."""
        bound_send_buffer(unix.Port(b"nowhere", Factory()))
