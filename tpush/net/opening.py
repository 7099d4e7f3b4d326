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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from twisted.internet import tcp
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.errors import CannotListen

BACKLOG = 1024
"""Connections that may wait to be accepted, where an endpoint does not say more."""

SYSTEMD = "systemd:"


@dataclass(slots=True)
class Opened:
    """The sockets of one endpoint: one for each worker, or one for all.

    Args:
        reopen: opens a worker's socket anew, where it has its own.
        path: of a unix socket.
    """

    sockets: list[socket.socket]
    reopen: Callable[[], socket.socket] | None = None
    path: bytes | None = None

    @property
    def exposed(self) -> bool:
        """Whether another host could connect."""
        if self.path is not None:
            return False
        return not ip_address(self.sockets[0].getsockname()[0]).is_loopback

    def of(self, worker: int) -> socket.socket:
        """Return the socket of a worker, counted from 0."""
        return self.sockets[worker if self.reopen is not None else 0]

    def renew(self, worker: int) -> None:
        """Open the socket of a worker anew, where it has its own."""
        if self.reopen is not None:
            self.sockets[worker].close()
            self.sockets[worker] = self.reopen()

    def suspend(self, worker: int) -> None:
        """Close the socket of a worker that is down, so that nobody waits for it."""
        if self.reopen is not None:
            self.sockets[worker].close()

    def close(self) -> None:
        """Close all, and remove the path of a unix socket."""
        for opened in self.sockets:
            opened.close()
        if self.path is not None and os.path.exists(self.path):
            os.unlink(self.path)


@implementer(IListeningPort)
class _NoPort:
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
        self._opened: Opened | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def open(self, endpoint: str) -> Opened:
        """Open the sockets of *endpoint*.

        Raises:
            CannotListen: it cannot be opened, or does not listen by a socket of its own.
        """
        self._opened = None
        try:
            listening = serverFromString(self, endpoint).listen(Factory())
            error = _failure_of(listening)
            if error is not None:
                raise error
        except Exception as error:
            if self._opened is not None:
                self._opened.close()
            raise CannotListen(f"cannot listen on {endpoint}: {reason(error)}") from error
        if self._opened is None:
            raise CannotListen(f"cannot listen on {endpoint} with several workers")
        return self._opened

    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Open one socket for each worker."""
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET

        def bind(port: int) -> socket.socket:
            return _listening(family, (interface, port), max(backlog, BACKLOG))

        first = bind(port)
        number = first.getsockname()[1]
        others = [bind(number) for _ in range(1, self._workers)]
        self._opened = Opened([first, *others], reopen=lambda: bind(number))
        return _NoPort()

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
        path = os.fsencode(address)
        _remove_dead_socket(path)
        opened = _listening(socket.AF_UNIX, path, max(backlog, BACKLOG))
        os.chmod(path, mode)
        self._opened = Opened([opened], path=path)
        return _NoPort()

    def adoptStreamPort(
        self,
        fileDescriptor: int,
        addressFamily: int,
        factory: object,
    ) -> IListeningPort:
        """Take a socket that listens already, as systemd hands over: the workers share it."""
        self._opened = Opened([socket.socket(fileno=os.dup(fileDescriptor))])
        return _NoPort()


def exposed_endpoints(reactor: Any, endpoints: Sequence[str]) -> list[str]:
    """Find out now whether *endpoints* can be listened on, and leave them closed.

    Returns:
        Those that another host could connect to.

    Raises:
        CannotListen: one cannot be listened on.
    """
    exposed, opened = [], []
    try:
        for endpoint in endpoints:
            if endpoint.startswith(SYSTEMD):
                # A socket of systemd's can be taken once only: go by what it is said to be.
                if "UNIX" not in endpoint:
                    exposed.append(endpoint)
                continue
            opened.append(_Probe(reactor, 1).open(endpoint))
            if opened[-1].exposed:
                exposed.append(endpoint)
    finally:
        for each in opened:
            each.close()
    return exposed


class _Probe(Opener):
    """Opens without SO_REUSEPORT, with which a port in use could be opened once more."""

    @override
    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Open one socket; only one that listens keeps others from its port.

        Raises:
            OSError: it cannot be bound, or not be listened on.
        """
        probe = tcp.Port(port, Factory(), backlog, interface, self._reactor)
        opened = probe.createInternetSocket()
        self._opened = Opened([opened])
        opened.bind((interface, port))
        opened.listen(1)
        return _NoPort()


def reason(error: BaseException | None) -> str:
    """Say in few words why a socket could not be opened."""
    if isinstance(error, ValueError | TypeError | KeyError):
        return f"it is no server endpoint string ({error})"
    inner = getattr(error, "socketError", error)
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror.lower()
    return str(inner) or type(inner).__name__


def _listening(family: int, address: Any, backlog: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)  # noqa: FBT003 - it takes no keyword
        if family != socket.AF_UNIX:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(address)
        opened.listen(backlog)
    except OSError:
        opened.close()
        raise
    return opened


def _remove_dead_socket(path: bytes) -> None:
    """Remove the socket that a process left which was killed; one that is answered stays."""
    if not (os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode)):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
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
