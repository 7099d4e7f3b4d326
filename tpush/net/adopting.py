"""Listening on sockets that another process opened."""

import socket
from typing import Any

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
        family = self._opened.family
        port: IListeningPort = self._reactor.adoptStreamPort(self._opened.fileno(), family, factory)
        if family == socket.AF_UNIX:
            # When it stops it would remove the path, which is the parent's to do, and shut the
            # socket down, which others listen on.
            port._bindPath = b"\0"  # type: ignore[attr-defined]
            port._shouldShutdown = False  # type: ignore[attr-defined]
        self._port = port
        return port

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


@implementer(IStreamServerEndpoint)
class _AdoptedEndpoint:
    def __init__(self, adopter: Adopter) -> None:
        self._adopter = adopter

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen on the adopted socket."""
        return execute(self._adopter.adopt, protocolFactory)
