"""A service that listens on endpoints for as long as it runs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet import tcp
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.background import background
from tpush.errors import CannotListen
from tpush.metrics import ListenerMetrics
from tpush.net.address import show_address
from tpush.net.adopting import Tenant
from tpush.net.behind_proxy import HAPROXY, BehindProxy
from tpush.net.eager import EagerServer
from tpush.net.opening import BACKLOG, SYSTEMD, reason
from tpush.net.patience import Patience
from tpush.net.send_buffer import bound_send_buffer
from tpush.net.unsent import Server, let_tell

EndpointFor = Callable[[str], IStreamServerEndpoint]


class Listener(Service):
    """Listens on endpoint strings with one factory.

    Sockets are opened in :meth:`privilegedStartService` where that is called, which is before
    `twistd` gives up its rights, else in :meth:`startService`.

    Args:
        endpoints: Twisted server endpoint strings.
        factory: makes the protocols.
        reactor: what listens.
        eager: write at once where a port is plain TCP, and let the kernel hold little.
        endpoint_for: turns a string into an endpoint, where it is not the reactor's own.
        may_accept: says whether a connection more can be served now; those who come else wait.
    """

    log = Logger()

    def __init__(
        self,
        endpoints: Sequence[str],
        factory: IProtocolFactory,
        reactor: Any,
        *,
        eager: bool = False,
        endpoint_for: EndpointFor | None = None,
        may_accept: Callable[[], bool] = lambda: True,
    ) -> None:
        self._strings = endpoints
        self._factory = factory
        self._endpoint_for = endpoint_for or partial(_endpoint, reactor)
        self._eager = eager
        self._opened = False
        self.metrics = ListenerMetrics()
        self._patience = Patience(reactor, self.metrics, may_accept)
        self.ports: list[IListeningPort] = []
        """What it listens on, for tests and embedding: ``tcp:0`` has its port here."""

    @override
    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._open()

    @override
    def startService(self) -> None:
        super().startService()
        self._open()

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self.stop_listening())

    async def stop_listening(self, *, last_call: bool = False) -> None:
        """Take no new connections; those that there are stay.

        Args:
            last_call: take those that wait to be taken: to their clients, they are connected.
        """
        ports, self.ports = self.ports, []
        self._opened = False
        for port in ports:
            if last_call and isinstance(port, tcp.Port):
                self._patience.last_call(port)
                # Not stopListening, which does this in the next turn, with others in the queue.
                port.connectionLost(Failure(ConnectionDone()))
        self._patience.stop()
        await gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        for string in self._strings:
            listening = Deferred.fromCoroutine(self._listen(string))
            failures: list[Failure] = []
            if listening.called:
                _known = listening.addErrback(failures.append)
            else:
                background(listening, self.log, f"listening on {string}")
            if failures:
                why = reason(string, failures[0].value)
                raise CannotListen(f"cannot listen on {string}: {why}")

    async def _listen(self, string: str) -> None:
        proxied = string.startswith(HAPROXY)
        factory = BehindProxy(self._factory) if proxied else self._factory
        port = await self._endpoint_for(string).listen(factory)
        if not self._opened:  # it took its time, and was stopped meanwhile
            await maybeDeferred(port.stopListening)
            return
        if isinstance(port, tcp.Port):
            if "backlog=" not in string:
                port.socket.listen(BACKLOG)
            self._patience.watch(port)
        if self._eager:
            bound_send_buffer(port)
            _make_eager(port)
        self.ports.append(port)
        address = show_address(port.getHost())
        self.log.info("listening on {endpoint}: {address}", endpoint=string, address=address)


def _endpoint(reactor: Any, string: str) -> IStreamServerEndpoint:
    listens = Tenant(reactor) if SYSTEMD in string else reactor
    endpoint: IStreamServerEndpoint = serverFromString(listens, string)
    return endpoint


def _make_eager(port: IListeningPort) -> None:
    let_tell(port)
    over_tls = isinstance(getattr(port, "factory", None), TLSMemoryBIOFactory)
    if isinstance(port, tcp.Port) and port.transport is Server and not over_tls:
        port.transport = EagerServer
