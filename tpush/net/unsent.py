"""Transports that say how much of what they were given the kernel has not taken.

Twisted's say only when they have had enough. What a receipt calls written has left them.
"""

from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IListeningPort
from twisted.protocols.tls import BufferingTLSTransport, TLSMemoryBIOFactory

UNKNOWN = 1
"""What is said of a transport that does not tell: nobody is to take it for written."""


class TellsUnsent:
    """Mixed into a transport of Twisted's that buffers what it is given."""

    dataBuffer: bytes
    offset: int
    _tempDataLen: int

    def unsent(self) -> int:
        """Return how many bytes wait."""
        return len(self.dataBuffer) - self.offset + self._tempDataLen


class Server(TellsUnsent, tcp.Server):
    """A TCP transport."""


class UNIXServer(TellsUnsent, unix.Server):
    """A unix transport."""


class TLSServer(BufferingTLSTransport):
    """TLS over another transport; what waits to be encrypted counts too."""

    def unsent(self) -> int:
        """Return how many bytes wait; a client that has ended TLS is not known to get any."""
        if self._lostTLSConnection:
            return UNKNOWN
        waiting = [*self._appSendBuffer, *getattr(self._aggregator, "_buffer", ())]
        return sum(map(len, waiting)) + unsent(self.transport)


def unsent(transport: Any) -> int:
    """Return how many bytes of what a transport was given the kernel has not taken."""
    tell = getattr(transport, "unsent", None)
    return UNKNOWN if tell is None else int(tell())


def let_tell(port: IListeningPort) -> None:
    """Let the connections of a port tell, where they are Twisted's own."""
    if isinstance(port, tcp.Port) and port.transport is tcp.Server:
        port.transport = Server
    elif isinstance(port, unix.Port) and port.transport is unix.Server:
        port.transport = UNIXServer
    factory: Any = getattr(port, "factory", None)
    if isinstance(factory, TLSMemoryBIOFactory) and factory.protocol is BufferingTLSTransport:
        factory.protocol = TLSServer
