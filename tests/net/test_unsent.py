"""How much of what a transport was given the kernel has not taken, where TLS is between."""

import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.certificate import self_signed
from tpush.net.unsent import UNKNOWN, TLSServer, unsent


class Telling(StringTransport):
    """A transport that says how much waits in it."""

    waiting = 0

    def unsent(self) -> int:
        return self.waiting


class TLSTests(SynchronousTestCase):
    """A connection of which a client has finished the handshake."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        folder = Path(self.mktemp())
        folder.mkdir()
        both, _ = self_signed(folder)
        options = PrivateCertificate.loadPEM(both.read_bytes()).options()
        factory = TLSMemoryBIOFactory(
            options, isClient=False, wrappedFactory=Factory.forProtocol(Protocol), clock=self.clock
        )
        factory.protocol = TLSServer
        self.factory = factory
        self.server, self.transport = self.connect()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self.incoming, self.outgoing)
        for _ in range(3):
            self.step(self.client.do_handshake)

    def connect(self) -> tuple[Any, Telling]:
        """Return a new connection, whose handshake is to come, and the transport below it."""
        server, transport = self.factory.buildProtocol(None), Telling()
        server.makeConnection(transport)
        return server, transport

    def step(self, do: Callable[[], Any]) -> None:
        """Let the client do something, and carry what both have written."""
        with contextlib.suppress(ssl.SSLWantReadError):
            do()
        if self.outgoing.pending:
            self.server.dataReceived(self.outgoing.read())
        self.incoming.write(self.transport.value())
        self.transport.clear()

    def test_written(self) -> None:
        """What waits to be encrypted counts, and what waits in the transport below."""
        self.server.write(b"hello")
        self.assertEqual(unsent(self.server), 5)
        self.clock.advance(0)
        self.assertEqual(unsent(self.server), 0)
        self.transport.waiting = 70
        self.assertEqual(unsent(self.server), 70)

    def test_before_the_handshake(self) -> None:
        """What waits for the handshake waits."""
        server, _ = self.connect()
        server.write(b"hello")
        self.clock.advance(0)
        self.assertEqual(unsent(server), 5)

    def test_closed_by_the_client(self) -> None:
        """What comes after the client has ended TLS is thrown away, and never called written."""
        self.step(self.client.unwrap)
        self.server.write(b"hello")
        self.clock.advance(0)
        self.assertEqual(self.transport.value(), b"")
        self.assertEqual(unsent(self.server), UNKNOWN)
