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
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IConsumer,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.simulation.clock import Clock, Timeline

MOST = 1024 * 1024
"""Bytes that may wait in one transport: more is a leak."""


@implementer(ITransport, IConsumer, IPushProducer)
class End:
    """One end of a connection: a transport of its process, and the kernel below it.

    Args:
        link: the connection.
        clock: of the process.
        address: of this end.
        eager: give bytes away at once where nothing waits.
    """

    __slots__ = (
        "_aborting", "_buffer", "_delivered", "_fin", "_flying", "_in_window", "_producer",
        "_producer_paused", "_pumping", "_streaming", "_unread", "address", "clock", "closed",
        "disconnecting", "eager", "link", "network", "other", "protocol", "reading", "silent",
    )  # fmt: skip

    other: "End"

    def __init__(self, link: "Link", clock: Clock, address: IPv4Address, *, eager: bool) -> None:
        self.link = link
        self.network = link.network
        self.clock = clock
        self.address = address
        self.eager = eager
        self.protocol: IProtocol | None = None
        self.closed = False
        """Of no use to its process any more."""
        self.silent = False
        """Nothing that it sends arrives."""
        self.reading = True
        self.disconnecting = False
        self._aborting = False
        self._fin: Exception | None = None
        """How the other end has closed, once all that it sent is read."""
        self._buffer = bytearray()
        self._pumping: Any = None
        self._unread: deque[bytes] = deque()
        self._flying: deque[bytes | Exception] = deque()
        """What is on its way to the other end: pieces, and how this one was closed."""
        self._in_window = 0
        """Bytes that are on their way to the other end, or wait to be read there."""
        self._delivered = 0.0
        """When the last of what was sent arrives."""
        self._producer: Any = None
        self._streaming = False
        self._producer_paused = False

    # The transport's interface.

    def getPeer(self) -> IPv4Address:
        return self.other.address

    def getHost(self) -> IPv4Address:
        return self.address

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001
        """Be told not to wait."""

    def write(self, data: bytes) -> None:
        if self.closed or self._aborting:
            return
        if self.eager and not self._buffer:
            room = self.network.window - self._in_window
            if room > 0:
                self._send(data[:room])
                data = data[room:]
            if not data:
                return
        self._buffer += data
        if len(self._buffer) > MOST:
            raise AssertionError(f"{len(self._buffer)} bytes wait in one transport")
        if (
            self._streaming
            and self._producer is not None
            and len(self._buffer) > self.network.buffer
        ):
            self._producer_paused = True
            self._producer.pauseProducing()
        self._pump_soon()

    def unsent(self) -> int:
        """Return how many bytes the kernel has not taken."""
        return len(self._buffer)

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if self.closed:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, False

    def unregisterProducer(self) -> None:
        self._producer = None
        if self.disconnecting:
            self._pump_soon()

    def loseConnection(self) -> None:
        if not self.closed and not self.disconnecting:
            self.disconnecting = True
            self._pump_soon()

    def abortConnection(self) -> None:
        if not self.closed and not self._aborting:
            self._aborting = True
            self._buffer.clear()
            self._close(ConnectionLost())
            self.clock.callLater(0, self.lose, ConnectionAborted())

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if not self.reading and not self.closed:
            self.reading = True
            self.clock.callLater(0, self._read)

    def stopProducing(self) -> None:
        self.loseConnection()

    # For the network, and for whoever disturbs it.

    def connect(self, protocol: IProtocol) -> None:
        """Begin, for the process."""
        if not self.closed:
            self.protocol = protocol
            protocol.makeConnection(self)

    def lose(self, error: Exception) -> None:
        """Tell the process that the connection is gone, now."""
        if self.closed:
            return
        self.closed = True
        self._unread.clear()
        self._buffer.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(error))

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

    def _close(self, error: Exception) -> None:
        """Let the other end learn that this one is closed, after what is on its way."""
        if not self.silent:
            self._fly(error)

    def _send(self, data: bytes) -> None:
        """Give bytes to the network, in one piece or in two."""
        self._in_window += len(data)
        if self.silent:
            return
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
            if self._unread or not self.reading or self.protocol is None:
                self._unread.append(item)
            else:
                self._take(self.protocol, item)
        elif not other.closed:  # nobody reads it: the kernel resets the connection
            self._flying.clear()
            self._close(ConnectionLost())

    def _end(self, error: Exception) -> None:
        if self._unread and isinstance(error, ConnectionDone):
            self._fin = error  # what came before is read first
        elif not self._aborting:
            self.lose(error)

    def _read(self) -> None:
        while self._unread and self.reading and not self.closed and self.protocol is not None:
            self._take(self.protocol, self._unread.popleft())
        if self._fin is not None and not self._unread:
            self._end(self._fin)

    def _take(self, protocol: IProtocol, piece: bytes) -> None:
        other = self.other
        other._in_window -= len(piece)
        if other._buffer:
            other._pump_soon()
        if not (self._aborting or self.disconnecting):
            if self.network.note is not None:
                self.network.note(self, piece)
            protocol.dataReceived(piece)

    def _pump_soon(self) -> None:
        if not self.closed and self._pumping is None:
            self._pumping = self.clock.callLater(0, self._pump)

    def _pump(self) -> None:
        self._pumping = None
        if self.closed or self._aborting:
            return
        buffer, window = self._buffer, self.network.window
        while buffer and self._in_window < window:
            room = window - self._in_window
            piece = bytes(buffer[:room])
            del buffer[:room]
            self._send(piece)
        if buffer:
            return
        if self._producer is not None and self._producer_paused:
            # As Twisted does, even while it is disconnecting.
            self._producer_paused = False
            self._producer.resumeProducing()
        elif self.disconnecting and not (self.network.tls and self._producer is not None):
            self._close(ConnectionLost() if self._unread else ConnectionDone())
            self.lose(ConnectionDone())


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
