"""Listening on sockets that another process opened."""

import socket
from typing import Any, cast

from twisted.internet import unix
from twisted.internet.defer import Deferred, execute, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from tpush.background import background
from tpush.net.opening import SYSTEMD


class Adopter:
    """Stands in for the reactor in a worker: it listens on a socket that its parent opened.

    Args:
        reactor: what listens.
        opened: the socket.
    """

    log = Logger()

    def __init__(self, reactor: Any, opened: socket.socket) -> None:
        self._reactor = reactor
        self._opened = opened
        self._port: IListeningPort | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def endpoint(self, string: str) -> IStreamServerEndpoint:
        """Return the endpoint that *string* names, on the socket that was opened for it."""
        if string.startswith(SYSTEMD):
            return _AdoptedEndpoint(self)
        endpoint: IStreamServerEndpoint = serverFromString(self, string)
        return endpoint

    def adopt(self, factory: IProtocolFactory) -> IListeningPort:
        """Listen with *factory*."""
        self._port = _adopt(self._reactor, self._opened.fileno(), self._opened.family, factory)
        return self._port

    def stop_listening(self) -> None:
        """Listen no more, whatever else has yet to stop."""
        port, self._port = self._port, None
        if port is not None:
            background(maybeDeferred(port.stopListening), self.log, "stopping to listen")

    def listenTCP(
        self, port: int, factory: IProtocolFactory, *_: object, **__: object
    ) -> IListeningPort:
        """Listen on the adopted socket."""
        return self.adopt(factory)

    def listenSSL(
        self,
        port: int,
        factory: IProtocolFactory,
        contextFactory: Any,
        *_: object,
        **__: object,
    ) -> IListeningPort:
        """Speak TLS over the adopted socket."""
        return self.adopt(
            TLSMemoryBIOFactory(contextFactory, isClient=False, wrappedFactory=factory)
        )

    def listenUNIX(
        self, address: str, factory: IProtocolFactory, *_: object, **__: object
    ) -> IListeningPort:
        """Listen on the adopted socket."""
        return self.adopt(factory)


class Tenant:
    """Stands in for the reactor where systemd hands its sockets over, which stay systemd's.

    Args:
        reactor: what listens.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def adoptStreamPort(
        self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory
    ) -> IListeningPort:
        """Listen on the socket that has been handed over."""
        return _adopt(self._reactor, fileDescriptor, addressFamily, factory)


def _adopt(reactor: Any, descriptor: int, family: int, factory: IProtocolFactory) -> IListeningPort:
    """Listen on a socket that is somebody else's."""
    port: Any
    if family != socket.AF_UNIX:
        port = reactor.adoptStreamPort(descriptor, family, factory)
    else:
        port = unix.Port._fromListeningDescriptor(reactor, descriptor, factory)
        # It would let everybody use the path, whatever mode that was given; and when it stops
        # remove it, and shut the socket down, which others may listen on.
        port._bindPath = b"\0"
        port._shouldShutdown = False
        port._logConnectionLostMsg = lambda: None  # which would print that path
        port.startListening()
    return cast(IListeningPort, port)


@implementer(IStreamServerEndpoint)
class _AdoptedEndpoint:
    def __init__(self, adopter: Adopter) -> None:
        self._adopter = adopter

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen on the adopted socket."""
        return execute(self._adopter.adopt, protocolFactory)
