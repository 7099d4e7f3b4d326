"""The publisher's resources as a twisted.web site."""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site
from typing_extensions import override

from tpush.health import Health
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.metrics import PublisherMetrics
from tpush.net.refusing import Refusing
from tpush.publisher.connection import DISCARD_SECONDS, HTTPConnection
from tpush.publisher.draining import Connections
from tpush.publisher.guard import Guard
from tpush.publisher.health import HealthResource
from tpush.publisher.load import Load
from tpush.publisher.plain import Missing
from tpush.publisher.request import PublisherRequest
from tpush.publisher.seed import Seed
from tpush.publisher.v1.root import V1

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: tpush\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)


class PublisherSite(Site):
    """Serves the seed's URL and ``/health``, over HTTP/1.1.

    Args:
        channel: where to publish.
        reactor: tells the time.
        limits: the bounds of requests.
        guard: who may publish.
        lag: tells by how many seconds the reactor is late.
        health: what ``/health`` says.
    """

    noisy = False

    def __init__(
        self,
        channel: IChannel,
        reactor: Any,
        limits: Limits,
        guard: Guard | None = None,
        lag: Callable[[], float] = lambda: 0.0,
        health: Health | None = None,
    ) -> None:
        self.metrics = PublisherMetrics()
        self.load = Load(limits, self.metrics, lag)
        request_factory = partial(PublisherRequest, max_body=limits.content, load=self.load)
        super().__init__(Root(), request_factory, timeout=limits.request_wait, reactor=reactor)
        self._limits = limits
        self._reactor = reactor
        self.connections = Connections()
        self.health = health or Health(channel, reactor)
        guard = guard or Guard()
        self.resource.putChild(b"", Seed(channel, guard, self.load, limits.fields))
        self.resource.putChild(b"v1", V1(channel, guard, self.load))
        self.resource.putChild(b"health", HealthResource(self.health))

    @override
    def protocol(self) -> Any:
        return HTTPConnection(self._limits, self.load, self.connections)

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        if not self.load.connected():
            return Refusing(FULL, self._reactor, DISCARD_SECONDS)
        return super().buildProtocol(addr)

    @override
    def acceptableProtocols(self) -> list[bytes]:
        # Were h2 installed, twisted.web would offer HTTP/2 on TLS, which knows none of our bounds.
        return [b"http/1.1"]

    # No access log: it costs an eighth of the throughput, and a timer that never ends.

    @override
    def startFactory(self) -> None: ...

    @override
    def stopFactory(self) -> None: ...

    @override
    def log(self, request: Request) -> None: ...


class Root(Resource):
    """Where paths begin."""

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return Missing()
