"""Sockets that one process opens for its workers to listen on.

An endpoint string is turned into sockets by Twisted's own parsers: they are given a stand-in for
the reactor that, in the parent, opens sockets where the endpoint asks it to listen
(:class:`Opener`), and, in a worker, listens on those that were opened
(:class:`~tpush.net.adopting.Adopter`). So every endpoint that listens by TCP, TLS or a unix socket
works in worker processes, plugins included.

TCP sockets are opened once for each worker, with SO_REUSEPORT: a socket that is shared gives most
connections to one process, and a worker's own queue of new connections outlives its restart. Unix
sockets, and those from systemd, cannot be split: workers share the one.
"""

import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.errors import CannotListen

BACKLOG = 65_535
"""Connections that may wait to be accepted, where an endpoint does not say more: as many as the
system lets, which on Linux is net.core.somaxconn, 4,096. When a worker dies all of its clients come
back at once; those that find no place in the queue try again after 1, 3, 7 and 15 s."""

SYSTEMD = "systemd:"

SHARED = (socket.SO_REUSEADDR, socket.SO_REUSEPORT)
"""The options of sockets that share a port."""


@dataclass(slots=True)
class Opened:
    """The sockets of one endpoint: one for each worker, or one for all.

    Args:
        endpoint: as it was given.
        sockets: bound, and listening.
        own: each worker has one.
        backlog: connections that may wait in the queue of one.
        path: of a unix socket.
        address: of the first one, as the system says it.
    """

    endpoint: str
    sockets: list[socket.socket]
    own: bool = False
    backlog: int = BACKLOG
    path: bytes | None = None
    address: Any = field(init=False)

    def __post_init__(self) -> None:
        self.address = self.sockets[0].getsockname()

    @override
    def __str__(self) -> str:
        if self.path is not None:
            return self.endpoint
        return f"{self.endpoint} (port {self.address[1]})"

    def of(self, worker: int) -> socket.socket:
        """Return the socket of a worker, counted from 0."""
        return self.sockets[worker if self.own else 0]

    def suspend(self, worker: int) -> None:
        """Let the socket of a worker that is down listen no more, so that nobody waits for it.

        It stays open and bound: the port is nobody else's meanwhile, and what may bind it only
        with rights that are given up by now need not be bound again.
        """
        if self.own and not self._closed:
            with suppress(OSError):  # it listens no more as it is
                self.sockets[worker].shutdown(socket.SHUT_RDWR)

    def resume(self, worker: int) -> None:
        """Let the socket of a worker listen again; one that listens may be told so too.

        Raises:
            OSError: it cannot.
        """
        if self.own and not self._closed:
            self.sockets[worker].listen(self.backlog)

    @property
    def _closed(self) -> bool:
        return self.sockets[0].fileno() == -1

    def let_go(self) -> None:
        """Close all; those workers that have a copy listen on."""
        for opened in self.sockets:
            opened.close()

    def close(self) -> None:
        """Close all, and remove the path of a unix socket, if nobody else listens there by now."""
        self.let_go()
        if self.path is not None:
            with suppress(OSError):
                _remove_dead_socket(self.path)


@implementer(IListeningPort)
class NoPort:
    """What an endpoint is given in place of a port."""

    def startListening(self) -> None:
        """Do nothing: the socket listens."""

    def stopListening(self) -> None:
        """Do nothing: the socket is not ours to close."""

    def getHost(self) -> IAddress:
        """Return an address that says nothing."""
        return IPv4Address("TCP", "0.0.0.0", 0)  # noqa: S104 - nothing is bound to it


class Opener:
    """Stands in for the reactor in a process that opens sockets for its workers.

    Args:
        reactor: what is used for all but listening.
        workers: how many have a TCP socket of their own.
    """

    def __init__(self, reactor: Any, workers: int) -> None:
        self._reactor = reactor
        self._workers = workers
        self._endpoint = ""
        self._opened: Opened | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def open(self, endpoint: str) -> Opened:
        """Open the sockets of *endpoint*.

        Raises:
            CannotListen: it cannot be opened, or does not listen by a socket of its own.
        """
        self._endpoint, self._opened = endpoint, None
        try:
            listening = serverFromString(self, endpoint).listen(Factory())
            error = _failure_of(listening)
            if error is not None:
                raise error
        except Exception as error:
            if self._opened is not None:
                self._opened.close()
            raise CannotListen(f"cannot listen on {endpoint}: {reason(endpoint, error)}") from error
        if self._opened is None:
            raise CannotListen(f"cannot listen on {endpoint} with several workers")
        return self._opened

    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Open one socket for each worker."""
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET

        waiting = max(backlog, BACKLOG)
        # It settles what port 0 is, and is no worker's: one that asked for 0 loses its port when it
        # listens no more, those that asked for a port keep it. Whoever connected to it were lost.
        first = bind_socket(family, (interface, port), *SHARED)
        opened = self._opened = Opened(self._endpoint, [first], own=True, backlog=waiting)
        for _ in range(self._workers):
            opened.sockets.append(bind_socket(family, first.getsockname(), *SHARED))
            opened.sockets[-1].listen(waiting)
        opened.sockets.pop(0).close()
        return NoPort()

    def listenSSL(
        self,
        port: int,
        factory: object,
        contextFactory: object,
        backlog: int = 50,
        interface: str = "",
    ) -> IListeningPort:
        """Open plain sockets: the workers speak TLS over them."""
        return self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: object,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: int = 0,
    ) -> IListeningPort:
        """Open the one socket that the workers share."""
        opened = self._opened = self._bind_path(address)
        os.chmod(address, mode)  # before somebody could connect
        opened.sockets[0].listen(max(backlog, BACKLOG))
        return NoPort()

    def adoptStreamPort(
        self,
        fileDescriptor: int,
        addressFamily: int,
        factory: object,
    ) -> IListeningPort:
        """Take a socket that listens already, as systemd hands over: the workers share it."""
        self._opened = Opened(self._endpoint, [socket.socket(fileno=os.dup(fileDescriptor))])
        return NoPort()

    def _bind_path(self, address: str) -> Opened:
        path = os.fsencode(address)
        _remove_dead_socket(path)
        return Opened(self._endpoint, [bind_socket(socket.AF_UNIX, path)], path=path)


def reason(endpoint: str, error: BaseException | None) -> str:
    """Say in few words why an endpoint could not be opened."""
    if isinstance(error, LookupError) and endpoint.startswith(SYSTEMD):
        return "systemd has not handed over such a socket"
    if isinstance(error, ValueError | TypeError | LookupError):
        return f"it is no server endpoint string ({error})"
    inner = getattr(error, "socketError", error)
    if isinstance(inner, OSError) and inner.strerror:
        name = f": {inner.filename}" if isinstance(inner.filename, str) else ""
        return inner.strerror.lower() + name
    return str(inner) or type(inner).__name__


def bind_socket(family: int, address: Any, *options: int) -> socket.socket:
    """Return a stream socket that is bound, and does not listen.

    Args:
        family: of the address.
        address: as `bind` takes it.
        options: of the socket, that are on.

    Raises:
        OSError: it cannot be bound.
    """
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(0)
        for option in options:
            opened.setsockopt(socket.SOL_SOCKET, option, 1)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


def _remove_dead_socket(path: bytes) -> None:
    """Remove the socket that a process left which was killed; one that is answered stays."""
    if not (os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)  # one that is stopped, with a full queue, would not answer at all
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)


def _failure_of(listening: Deferred[IListeningPort]) -> Exception | None:
    """Return why an endpoint does not listen, where it is known at once."""
    results: list[object] = []

    def note(result: object) -> None:
        results.append(result)

    _noted = listening.addBoth(note)
    failure = results[0] if results else None
    return failure.value if isinstance(failure, Failure) else None  # type: ignore[return-value]
