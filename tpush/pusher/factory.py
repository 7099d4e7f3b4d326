"""Makes connections, and knows who is there."""

import resource
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocolNegotiationFactory, IReactorTime
from typing_extensions import override
from zope.interface import implementer

from tpush.access import Origins
from tpush.errors import TPushError
from tpush.forwarded import Proxies
from tpush.limits import Limits
from tpush.message import WorkerID, group_event, user_event
from tpush.metrics import PusherMetrics
from tpush.net.refusing import Refusing
from tpush.present import Present
from tpush.pusher.admission import Admission
from tpush.pusher.asking import Asking
from tpush.pusher.audience import Audience
from tpush.pusher.backlog import Backlog, SlowPolicy
from tpush.pusher.client import Client
from tpush.pusher.closing import BUSY, FORBIDDEN, Close
from tpush.pusher.connection import Connection
from tpush.pusher.dialect import PLAIN, Dialect, Greeting
from tpush.pusher.executor import Executor
from tpush.pusher.fanout import FanOut
from tpush.pusher.groups import NOWHERE, Exchange, Groups, TooManyGroups
from tpush.pusher.hearing import Hearing
from tpush.pusher.obeying import Obeying
from tpush.pusher.presence import PresentGroups
from tpush.pusher.refusal import refusal
from tpush.pusher.room import NoRoom, Room
from tpush.pusher.telling import NOBODY, Telling
from tpush.pusher.v1.dialect import V1, Bounds
from tpush.pusher.v1.serving import Serving
from tpush.pusher.v1.subscribing import Subscribing

SPARE_DESCRIPTORS = 100
"""What a process needs besides its clients' connections: links, logs, listening sockets."""


@implementer(IProtocolNegotiationFactory)
class PusherFactory(WebSocketServerFactory):
    """Makes connections, greets them, and knows who is there.

    Args:
        worker: the id that clients are greeted with.
        reactor: the reactor to use.
        limits: bounds and times.
        admission: who may connect; by default, programs and the pages of this host.
        slow: what is done for a client that does not read.
        proxies: that say whose connection theirs is; by default none is believed.
        complaint: says why nobody new should be sent here, or nothing.
        exchange: has what is published to groups come here.
        metrics: counts; by default new ones.
        telling: is told what clients do.
        asking: is asked before a client is taken.
        presence: patterns of groups whose clients may be told who is there.
    """

    noisy = False
    connection_class: type[Connection] = Connection

    def __init__(
        self,
        worker: WorkerID,
        reactor: IReactorTime,
        limits: Limits,
        admission: Admission | None = None,
        slow: SlowPolicy = SlowPolicy.DISCONNECT,
        proxies: Proxies | None = None,
        complaint: Callable[[], str] = lambda: "",
        exchange: Exchange = NOWHERE,
        metrics: PusherMetrics | None = None,
        telling: Telling = NOBODY,
        asking: Asking | None = None,
        presence: Sequence[str] = (),
    ) -> None:
        super().__init__(reactor=reactor, server="tpush")
        # Autobahn's own timer goes to the global reactor, whichever it was given.
        self._batched_timer = SimpleNamespace(call_later=reactor.callLater)
        self.admission = admission or Admission(Origins())
        self.metrics = metrics or PusherMetrics()
        self.asking = asking
        self._telling = telling
        self.client_frames = limits.client_frames
        self.seconds = reactor.seconds
        self.later = reactor.callLater
        self.leaving = limits.drain_within
        self.complaint = complaint
        self._slow = slow
        self._max_pending = limits.pending
        self.room = Room(
            limits.connections or _descriptors(),
            limits.handshakes,
            limits.per_address,
            proxies or Proxies(),
            self.metrics,
        )
        self.audience: Audience[Client] = Audience(worker)
        self.fanout = FanOut(self.audience, reactor)
        self.groups = Groups(self.audience, limits.groups, exchange)
        executor = Executor(
            self.groups, self.admission.rights, exchange, telling, PresentGroups(presence)
        )
        bounds = Bounds(limits.client_message, limits.client_frames, limits.groups)
        subscribing = Subscribing(
            executor,
            self.groups,
            self.audience,
            exchange,
            reactor,
            self.fanout.flush,
            limits.groups,
            limits.pending // 2,  # what comes meanwhile has to have room too
        )
        self._hearing: dict[Dialect, Hearing] = {
            V1(bounds): Serving(executor, subscribing),
            PLAIN: Obeying(executor),
        }
        self._connections: Present[Connection] = Present()
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            # Else a message that is too long ends as 1006, without a close frame.
            failByDrop=False,
            maxFramePayloadSize=limits.client_message,
            maxMessagePayloadSize=limits.client_message,
            openHandshakeTimeout=limits.greeting,
            closeHandshakeTimeout=limits.close_wait,
            autoPingInterval=limits.ping_interval,
            autoPingTimeout=limits.ping_timeout,
            allowNullOrigin=True,
        )
        self.protocol = _with_options(self.connection_class, self)

    @override
    def buildProtocol(self, addr: IAddress | None) -> Any:
        try:
            place = self.room.arrive(getattr(addr, "host", None))
        except NoRoom as no_room:
            answer = refusal(no_room.status, no_room.reason)
            return Refusing(answer, self.reactor, self.closeHandshakeTimeout)
        connection: Any = super().buildProtocol(addr)
        connection.place = place
        self._connections.add(connection)
        return connection

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 - the interface has the name
        """Return what is spoken over TLS: who offers that, as browsers do, needs an answer."""
        return [b"http/1.1"]

    def backlog(self) -> Backlog:
        """Return the backlog of a client that begins to be slow."""
        return Backlog(self._max_pending, self._slow)

    def opened(self, connection: Connection, groups: Sequence[str]) -> None:
        """Greet a client whose handshake is done, and let it have what comes from now on."""
        self.metrics.opened += 1
        self.room.opened(connection.place)
        self.fanout.flush()
        connection.connection = self.audience.add(connection)
        worker, user = self.audience.worker, connection.claims.user
        groups = list(dict.fromkeys(groups))
        greeting = Greeting(worker, connection.connection, user, groups)
        connection.greet(connection.dialect.greet(greeting))
        self._telling.connected(connection, worker)
        try:
            if user is not None:
                self.groups.join(connection.connection, user_event(user))
            for group in groups:
                if self.groups.join(connection.connection, group_event(group)):
                    self._telling.joined(connection, group)
        except TooManyGroups:
            connection.close(replace(FORBIDDEN, reason="too many groups"))
        except TPushError:  # there is no room at the moment
            connection.close(BUSY)

    def choose(self, protocols: Sequence[str]) -> Dialect | None:
        """Return the dialect to speak to a client that offers those subprotocols, or none."""
        return next((each for each in self._hearing if each.name in protocols), None)

    def heard(self, connection: Connection, payload: bytes, *, text: bool) -> None:
        """Do what a client asks for."""
        self.fanout.flush()  # what was published before is not for whoever joins
        self._hearing[connection.dialect].hear(connection, payload, text=text)

    def closed(self, connection: Connection) -> None:
        """Forget a client."""
        if connection.connection is not None:
            self._hearing[connection.dialect].forget(connection)
            self._telling.disconnected(connection, self.groups.remove(connection.connection))
        if connection in self._connections:
            self._connections.discard(connection)
            self.room.leave(connection.place)
            self.metrics.late += connection.wasOpenHandshakeTimeout
            self.metrics.too_long += (
                connection.wasMaxFramePayloadSizeExceeded
                or connection.wasMaxMessagePayloadSizeExceeded
            )

    def close_all(self, close: Close) -> None:
        """Close all connections."""
        self.flush()
        for connection in self.everyone():
            connection.close(close)

    # What draining needs.

    def everyone(self) -> Sequence[Connection]:
        """Return all connections that there are now, those too that have not opened."""
        return list(self._connections)

    def flush(self) -> None:
        """Write what waits to be joined."""
        self.fanout.flush()

    def emptied(self) -> Deferred[None]:
        """Return what fires when the last connection is gone."""
        return self._connections.emptied()

    def abort_all(self) -> None:
        """Drop the connections that are left."""
        for connection in self.everyone():
            connection.abort()


def _descriptors() -> int:
    """Return how many connections the process's descriptor limit leaves room for."""
    return max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS)


def _with_options(base: type[Connection], factory: PusherFactory) -> type[Connection]:
    """Return a class of this factory's connections, with its options on the class.

    Autobahn copies them to each connection, and formats them for a debug line: 43% of the
    handshake. They stand on a class of each factory's own, since two in one process may differ.
    """
    options: dict[str, Any] = {}
    for name in WebSocketServerProtocol.CONFIG_ATTRS:
        value = getattr(factory, name)
        # A function on a class is a method, and would be given the connection as well.
        options[name] = staticmethod(value) if callable(value) else value
    return type(base.__name__, (base,), options)
