"""What listens: which transports the connections of an endpoint get."""

from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase
from typing_extensions import override

from tests.folder import short_folder
from tests.integration.certificate import self_signed
from tpush.net.eager import EagerServer
from tpush.net.listener import Listener
from tpush.net.unsent import Server, TLSServer, UNIXServer


class TransportTests(TestCase):
    """Connections that are written to at once tell what waits, whatever carries them."""

    @override
    def setUp(self) -> None:
        self.folder = short_folder(self)

    def port(self, endpoint: str, *, eager: bool = True) -> Any:
        factory = Factory.forProtocol(Protocol)
        factory.noisy = False
        listener = Listener([endpoint], factory, reactor, eager=eager)
        listener.startService()
        self.addCleanup(listener.stopService)
        (port,) = listener.ports
        return port

    def test_tcp(self) -> None:
        """TCP writes at once."""
        self.assertIs(self.port("tcp:0:interface=127.0.0.1").transport, EagerServer)

    def test_not_asked(self) -> None:
        """Where nobody asks for it, it is Twisted's own."""
        port = self.port("tcp:0:interface=127.0.0.1", eager=False)
        self.assertIs(port.transport, tcp.Server)

    def test_haproxy(self) -> None:
        """So does TCP that begins with the PROXY protocol."""
        self.assertIs(self.port("haproxy:tcp:0:interface=127.0.0.1").transport, EagerServer)

    def test_peer_behind_a_proxy(self) -> None:
        """What the PROXY protocol is still to say is not known when a connection comes."""
        known: list[object] = []

        class Asking(Factory):
            noisy = False

            @override
            def buildProtocol(self, addr: object) -> Protocol:
                known.append(addr)
                return Protocol()

        listener = Listener(["haproxy:tcp:0:interface=127.0.0.1"], Asking(), reactor)
        listener.startService()
        self.addCleanup(listener.stopService)
        port: Any = listener.ports[0]
        port.factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1))
        self.assertEqual(known, [None])

    def test_tls(self) -> None:
        """TLS gathers what it encrypts; both of its transports tell."""
        both, _ = self_signed(self.folder)
        port = self.port(f"ssl:0:interface=127.0.0.1:privateKey={both}:certKey={both}")
        self.assertIs(port.transport, Server)
        self.assertIs(port.factory.protocol, TLSServer)

    def test_unix(self) -> None:
        """A unix socket tells."""
        self.assertIs(self.port(f"unix:{self.folder / 's'}").transport, UNIXServer)
