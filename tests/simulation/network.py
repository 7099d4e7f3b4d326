"""Connections between the processes of a world: what a kernel and a network do with bytes.

What a process writes goes to its kernel at the end of its turn, or at once where its transport is
eager; from there it travels, in pieces, as long as the other end has room for it. So a process that
dies loses what it has not given away, and may or may not lose what is on its way. A connection can
be cut (bytes on their way are lost, and each end learns of it or does not), and can stand still for
a while, as it does where packets are lost and sent again.
"""

# ruff: noqa: N802, N803 - the names of Twisted's interfaces

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from typing_extensions import override
from zope.interface import implementer

from tests.simulation.clock import Clock, Timeline
from tests.transport import Transport


class End(Transport):
    """One end of a connection: a transport of its process, and the kernel below it.

    Args:
        link: the connection.
        clock: of the process.
        address: of this end.
        eager: give bytes away at once where nothing waits.
    """

    __slots__ = ("_delivered", "_fin", "_flying", "link", "network")

    clock: Clock
    other: "End"

    def __init__(self, link: "Link", clock: Clock, address: IPv4Address, *, eager: bool) -> None:
        network = link.network
        super().__init__(
            clock,
            address,
            buffer=network.buffer,
            window=network.window,
            eager=eager,
            tls=network.tls,
        )
        self.link = link
        self.network = network
        self._fin: Exception | None = None
        """How the other end has closed, once all that it sent is read."""
        self._flying: deque[bytes | Exception] = deque()
        """What is on its way to the other end: pieces, and how this one was closed."""
        self._delivered = 0.0
        """When the last of what was sent arrives."""

    def die(self) -> None:
        """Close as a kernel does whose process is gone; the process hears nothing of it."""
        if self.closed:
            return
        self.closed = True
        self._buffer.clear()
        if self._unread or self.network.random.random() < 0.5:
            self._flying.clear()  # it is thrown away with the connection
            self._close(ConnectionLost())
        else:
            self._close(ConnectionDone())

    def silence(self) -> None:
        """Lose what is on its way, and all that is still to come."""
        self.silent = True
        self._flying.clear()

    @property
    def idle(self) -> bool:
        """Whether nothing of what it has sent is on its way, or waits to be read."""
        return not (self._flying or self._buffer or self.other._unread)

    @override
    def _close(self, error: Exception) -> None:
        """Let the other end learn that this one is closed, after what is on its way."""
        if not self.silent:
            self._fly(error)

    @override
    def _travel(self, data: bytes) -> None:
        """Give bytes to the network, in one piece or in two."""
        network = self.network
        if network.cuts and len(data) > 1 and network.random.random() < network.cuts:
            cut = network.random.randrange(1, len(data))
            self._fly(data[:cut])
            data = data[cut:]
        self._fly(data)

    def _fly(self, item: bytes | Exception) -> None:
        network, link, other = self.network, self.link, self.other
        timeline = network.timeline
        time = timeline.now + link.delay * network.random.random()
        if time < self._delivered:
            time = self._delivered
        if time < link.until:
            time = link.until
        self._delivered = time
        self._flying.append(item)
        timeline.put(time, other.clock, other._arrive)

    def _arrive(self) -> None:
        """Take from the network what comes next."""
        other, link = self.other, self.link
        timeline = self.network.timeline
        if not other._flying:
            return  # it was lost on its way
        if timeline.now < link.until:
            timeline.put(link.until, self.clock, self._arrive)
            return
        item = other._flying.popleft()
        if isinstance(item, Exception):
            self._end(item)
        elif not self.closed:
            self._arrived(item)
        elif not other.closed:  # nobody reads it: the kernel resets the connection
            self._flying.clear()
            self._close(ConnectionLost())

    def _end(self, error: Exception) -> None:
        if self._unread and isinstance(error, ConnectionDone):
            self._fin = error  # what came before is read first
        elif not self._aborting:
            self.lose(error)

    @override
    def _read(self) -> None:
        super()._read()
        if self._fin is not None and not self._unread:
            self._end(self._fin)

    @override
    def _receive(self, protocol: IProtocol, piece: bytes) -> None:
        if self.network.note is not None:
            self.network.note(self, piece)
        protocol.dataReceived(piece)


class Link:
    """A connection between a client and a server.

    Args:
        network: that it belongs to.
        number: counts the connections of its network.
        place: where the server listens.
        delay: seconds that bytes and news travel at the most.
    """

    def __init__(
        self, network: "Network", number: int, place: str, delay: float, *, tls: bool
    ) -> None:
        self.network = network
        self.number = number
        self.place = place
        self.delay = delay
        self.tls = tls
        self.until = 0.0
        """Nothing arrives before."""
        self.client: End
        self.server: End

    def join(self, client: End, server: End) -> None:
        """Be told of both ends."""
        self.client, self.server = client, server
        client.other, server.other = server, client

    @property
    def open(self) -> bool:
        """Whether an end that lives still believes in it."""
        return not (self.client.closed and self.server.closed)

    @property
    def broken(self) -> bool:
        """Whether it was cut, and an end has not found out."""
        return self.open and (self.client.silent or self.server.silent)

    @property
    def busy(self) -> bool:
        """Whether something is on its way, or nothing can be."""
        if self.broken:
            return False
        stalled = self.until > self.network.timeline.now
        return stalled or not (self.client.idle and self.server.idle)

    def cut(self, *, client: bool = True, server: bool = True) -> None:
        """Lose what is on its way; the ends that are named learn of it, the other does not."""
        for end, told in (self.client, client), (self.server, server):
            end.silence()
            if told:
                timeline = self.network.timeline
                timeline.put(timeline.now, end.clock, partial(end.lose, ConnectionLost()))

    def stall(self, seconds: float) -> None:
        """Let nothing arrive for a while."""
        self.until = max(self.until, self.network.timeline.now + seconds)


@implementer(IListeningPort)
class Port:
    """What listens at a place."""

    def __init__(
        self,
        network: "Network",
        place: str,
        clock: Clock,
        factory: IProtocolFactory,
        *,
        eager: bool,
    ) -> None:
        self.network = network
        self.place = place
        self.clock = clock
        self.factory = factory
        self.eager = eager

    def startListening(self) -> None:
        self.network.ports[self.place] = self

    def stopListening(self) -> None:
        if self.network.ports.get(self.place) is self:
            del self.network.ports[self.place]

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", self.place, 1)


class Network:
    """Connects clients to what listens at a place, if anything does.

    Args:
        timeline: of its world.
        random: decides delays, and where what is sent is cut into pieces.
        note: is told of each piece that a process reads, if anybody is.
    """

    buffer = 64 * 1024
    """Bytes that wait in a transport before a streaming producer is paused."""
    window = 64 * 1024
    """Bytes that are on their way, or wait to be read."""
    delay = 0.01
    """Seconds that a piece travels at the most; each connection has its own, up to this."""
    cuts = 0.1
    """Which part of what is sent arrives in two pieces."""
    tls = False

    def __init__(
        self, timeline: Timeline, random: Random, note: Callable[[End, bytes], None] | None = None
    ) -> None:
        self.timeline = timeline
        self.random = random
        self.note = note
        self.ports: dict[str, Port] = {}
        self.unreachable: dict[str, float] = {}
        """Places that nothing reaches until then."""
        self.shaking: dict[str, float] = {}
        """Places to which no connection lasts until then."""
        self._links: list[Link] = []
        self._count = 0

    def links(self, place: str = "") -> list[Link]:
        """List the open connections to places that begin so."""
        self._links = [link for link in self._links if link.open]
        return [link for link in self._links if link.place.startswith(place)]

    def ends(self, clock: Clock) -> Iterator[End]:
        """Go through the open ends of a process."""
        for link in self.links():
            for end in link.client, link.server:
                if end.clock is clock and not end.closed:
                    yield end

    def die(self, clock: Clock) -> None:
        """Do what a kernel does when a process has ended."""
        for port in [port for port in self.ports.values() if port.clock is clock]:
            port.stopListening()
        for end in self.ends(clock):
            end.die()

    def partition(self, place: str, seconds: float) -> None:
        """Let nothing from or to a place arrive for a while."""
        self.unreachable[place] = self.timeline.now + seconds
        for link in self.links(place):
            link.stall(seconds)

    def connect(self, clock: Clock, place: str, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a process to what listens at a place."""
        answer: Deferred[IProtocol] = Deferred(lambda _: None)
        delay = self.delay * self.random.random()
        reach = partial(self._reach, clock, place, factory, answer, delay)
        self.timeline.after(delay, reach)
        return answer

    def _reach(
        self,
        clock: Clock,
        place: str,
        factory: IProtocolFactory,
        answer: Deferred[IProtocol],
        delay: float,
    ) -> None:
        now = self.timeline.now
        until = self.unreachable.get(place, 0.0)
        port = self.ports.get(place)
        if answer.called or not clock.alive:
            return
        if now < until:
            reach = partial(self._reach, clock, place, factory, answer, delay)
            self.timeline.put(until, None, reach)
        elif port is None or not port.clock.alive:
            self.timeline.put(now + delay, clock, partial(_refuse, answer))
        else:
            self._count += 1
            link = Link(self, self._count, place, 2 * delay, tls=self.tls)
            ends = (
                End(link, clock, IPv4Address("TCP", clock.host, 1000 + self._count), eager=False),
                End(link, port.clock, port.getHost(), eager=port.eager),
            )
            link.join(*ends)
            self._links.append(link)
            ends[1]._delivered = now + delay
            accept = partial(_accept, ends[1], port.factory)
            self.timeline.put(now, port.clock, accept)
            establish = partial(_establish, ends[0], factory, answer)
            self.timeline.put(now + delay, clock, establish)
            if now < self.shaking.get(place, 0.0):
                self.timeline.after(6 * delay * self.random.random(), link.cut)


def _refuse(answer: Deferred[IProtocol]) -> None:
    if not answer.called:
        answer.errback(ConnectionRefusedError())


def _accept(end: End, factory: IProtocolFactory) -> None:
    protocol = factory.buildProtocol(end.other.address)
    if protocol is None:
        end.abortConnection()
    else:
        end.connect(protocol)


def _establish(end: End, factory: IProtocolFactory, answer: Deferred[IProtocol]) -> None:
    if answer.called:
        end.die()
        return
    protocol = factory.buildProtocol(end.other.address)
    assert protocol is not None
    if end.closed:
        answer.errback(ConnectionLost())
        return
    end.connect(protocol)
    answer.callback(protocol)


@implementer(IStreamClientEndpoint)
class ClientEndpoint:
    """Connects one process to a place."""

    def __init__(self, network: Network, clock: Clock, place: str) -> None:
        self._network = network
        self._clock = clock
        self._place = place

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self._network.connect(self._clock, self._place, protocolFactory)


@implementer(IStreamServerEndpoint)
class ServerEndpoint:
    """Lets one process listen at a place."""

    def __init__(self, network: Network, clock: Clock, place: str, *, eager: bool = False) -> None:
        self._port = network, place, clock
        self._eager = eager

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        port = Port(*self._port, protocolFactory, eager=self._eager)
        port.startListening()
        return succeed(port)
