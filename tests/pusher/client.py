"""A client of a pusher's factory over an in-memory transport."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from typing_extensions import override

from tests.pusher.websocket import handshake, server_frames
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory

HERE = IPv4Address("TCP", "127.0.0.1", 50_000)


class Transport(StringTransport):
    """Does what a TCP transport does and StringTransport does not."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001, N802
        """Do nothing."""

    @override
    def unregisterProducer(self) -> None:
        if self.producer is not None:
            super().unregisterProducer()


class Client:
    """A client of a factory: what it sent, and what it got."""

    def __init__(self, factory: PusherFactory, address: IPv4Address = HERE) -> None:
        self.transport = Transport(peerAddress=address)
        self.connection: Connection = factory.buildProtocol(address)
        self.connection.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        self.connection.dataReceived(data)

    def open(self, **options: Any) -> "Client":
        self.send(handshake(**options))
        return self

    def lose(self) -> None:
        self.transport.unregisterProducer()  # as a TCP transport does
        self.connection.connectionLost(Failure(ConnectionDone()))

    @property
    def head(self) -> bytes:
        return bytes(self.transport.value().split(b"\r\n\r\n")[0])

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        return server_frames(self.transport.value().split(b"\r\n\r\n", 1)[1])

    @property
    def gone(self) -> bool:
        return bool(self.transport.disconnecting or self.transport.disconnected)
