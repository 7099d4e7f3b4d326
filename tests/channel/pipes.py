"""An in-memory network on one Clock: bounded pipes that can be slow, full, cut, or silent.

A :class:`Pipe` behaves as a TCP connection does under Twisted: a write is sent in a later turn,
what the other end has not read counts against a window, a streaming producer is paused while more
than 64 KiB wait, and a cut loses what is on its way. Nothing here reads the time or a random
number that it was not given.
"""

# ruff: noqa: N802, N803 - the names of Twisted's transport interfaces

from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IConsumer,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    ITransport,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

BUFFER = 64 * 1024
"""Bytes that wait before a streaming producer is paused, as in Twisted."""

WINDOW = 64 * 1024
"""Bytes that are on their way, or wait to be read."""

MOST = 16 * 1024 * 1024
"""Bytes that may wait in one transport: a test that needs more has found a leak."""


@implementer(ITransport, IConsumer)
class End:
    """One end of a pipe: a transport.

    Args:
        clock: tells the time.
        delay: seconds that bytes and news travel.
        chunk: how many bytes the next piece has.
        address: of this end.
        tls: close as TLS does: never while a producer is registered.
    """

    def __init__(
        self,
        clock: Clock,
        delay: float,
        chunk: Callable[[], int],
        address: IPv4Address,
        *,
        tls: bool = False,
    ) -> None:
        self.clock = clock
        self.delay = delay
        self.chunk = chunk
        self.address = address
        self.tls = tls
        self.other: End
        self.protocol: IProtocol
        self.gone = False
        self.silent = False
        """No byte of this end travels, and nobody is told."""
        self.reading = True
        self.disconnecting = False
        self.written = 0
        self._aborting = False
        self._buffer = bytearray()
        self._pumping: IDelayedCall | None = None
        self._flying: deque[tuple[IDelayedCall, bytes]] = deque()
        self._unread: deque[bytes] = deque()
        self._in_window = 0
        self._producer: Any = None
        self._streaming = False
        self._producer_paused = False

    # The transport's interface.

    def getPeer(self) -> IPv4Address:
        return self.other.address

    def getHost(self) -> IPv4Address:
        return self.address

    def write(self, data: bytes) -> None:
        if self.gone or self._aborting:
            return
        self._buffer += data
        self.written += len(data)
        if len(self._buffer) > MOST:
            raise AssertionError(f"{len(self._buffer)} bytes wait in one transport")
        if self._producer is not None and self._streaming and len(self._buffer) > BUFFER:
            self._producer_paused = True
            self._producer.pauseProducing()
        self._pump_soon()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001
        if self._producer is not None:
            raise RuntimeError("a producer is registered already")
        if self.gone:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, False

    def unregisterProducer(self) -> None:
        self._producer = None
        if self.disconnecting:
            self._pump_soon()

    def loseConnection(self) -> None:
        if not self.gone and not self.disconnecting:
            self.disconnecting = True
            self._pump_soon()

    def abortConnection(self) -> None:
        if self.gone or self._aborting:
            return
        self._aborting = True
        self._drop_flying()
        self._buffer.clear()
        self.clock.callLater(0, self.lose, ConnectionAborted())
        if not self.silent:
            self.clock.callLater(self.delay, self.other.lose, ConnectionLost())

    # For tests.

    def lose(self, error: Exception) -> None:
        """Tell this end that the connection is gone, now."""
        if self.gone:
            return
        self.gone = True
        if self._pumping is not None and self._pumping.active():
            self._pumping.cancel()
        self._unread.clear()
        self._buffer.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(error))

    def read(self, *, on: bool) -> None:
        """Read on, or leave what arrives unread."""
        self.reading = on
        while self.reading and self._unread:
            self._take(self._unread.popleft())

    def _pump_soon(self) -> None:
        if not self.gone and (self._pumping is None or not self._pumping.active()):
            self._pumping = self.clock.callLater(0, self._pump)

    def _pump(self) -> None:
        while self._buffer and self._in_window < WINDOW:
            size = min(self.chunk(), WINDOW - self._in_window)
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._in_window += len(piece)
            if not self.silent:
                call = self.clock.callLater(self.delay, self._arrive)
                self._flying.append((call, piece))
        if self._buffer:
            return
        if self._producer is not None and self._producer_paused:
            # As Twisted does, even while it is disconnecting.
            self._producer_paused = False
            self._producer.resumeProducing()
        elif self.disconnecting and not (self.tls and self._producer is not None):
            if not self.silent:
                self.clock.callLater(self.delay, self.other.lose, ConnectionDone())
            self.lose(ConnectionDone())

    def _arrive(self) -> None:
        _, piece = self._flying.popleft()
        other = self.other
        if other.reading and not other._unread:
            other._take(piece)
        else:
            other._unread.append(piece)

    def _take(self, piece: bytes) -> None:
        self.other._in_window -= len(piece)
        if self.other._buffer:
            self.other._pump_soon()
        if not (self.gone or self._aborting or self.disconnecting):
            self.protocol.dataReceived(piece)

    def _drop_flying(self) -> None:
        for call, _ in self._flying:
            if call.active():
                call.cancel()
        self._flying.clear()


class Pipe:
    """A connection between a client and a server.

    Args:
        client: the end of the one who connected.
        server: the other end.
    """

    def __init__(self, client: End, server: End) -> None:
        self.client = client
        self.server = server
        client.other = server
        server.other = client

    @property
    def open(self) -> bool:
        """Whether an end still believes in it."""
        return not (self.client.gone and self.server.gone)

    def cut(self, *, client: bool = True, server: bool = True) -> None:
        """Lose what is on its way; the ends that are named are told, the other hears nothing."""
        for end in self.client, self.server:
            end.silent = True
            end._drop_flying()
        if client:
            self.client.lose(ConnectionLost())
        if server:
            self.server.lose(ConnectionLost())


class Network:
    """Connects clients to what listens, if anything does.

    Args:
        clock: tells the time.
        delay: seconds that bytes travel.
        random: cuts what is written into pieces; None leaves it whole.
        tls: close as TLS does.
    """

    def __init__(
        self, clock: Clock, *, delay: float = 0.001, random: Random | None = None, tls: bool = False
    ) -> None:
        self.clock = clock
        self.delay = delay
        self.pipes: list[Pipe] = []
        self.attempts = 0
        self._tls = tls
        self._random = random
        self._factory: IProtocolFactory | None = None

    def listen(self, factory: IProtocolFactory | None) -> None:
        """Let *factory* answer; None refuses."""
        self._factory = factory

    @property
    def open(self) -> list[Pipe]:
        """The pipes that an end still believes in."""
        return [pipe for pipe in self.pipes if pipe.open]

    def cut(self, *, client: bool = True, server: bool = True) -> None:
        """Cut every open pipe."""
        for pipe in self.open:
            pipe.cut(client=client, server=server)

    def connect(self, factory: IProtocolFactory) -> "Deferred[IProtocol]":
        """Connect *factory* to what listens."""
        self.attempts += 1
        answer: Deferred[IProtocol] = Deferred(lambda _: call.cancel())
        call = self.clock.callLater(self.delay, self._connect, factory, answer)
        return answer

    def _connect(self, factory: IProtocolFactory, answer: "Deferred[IProtocol]") -> None:
        if self._factory is None:
            answer.errback(ConnectionRefusedError())
            return
        number = len(self.pipes) + 1
        ends = [
            End(
                self.clock,
                self.delay,
                self._chunk,
                IPv4Address("TCP", host, 1000 + number),
                tls=self._tls,
            )
            for host in ("client", "server")
        ]
        pipe = Pipe(*ends)
        self.pipes.append(pipe)
        protocols = [
            each.buildProtocol(end.other.address)
            for each, end in ((factory, pipe.client), (self._factory, pipe.server))
        ]
        for end, protocol in zip(ends, protocols, strict=True):
            assert protocol is not None
            end.protocol = protocol
        for end in reversed(ends):
            end.protocol.makeConnection(end)
        answer.callback(pipe.client.protocol)

    def _chunk(self) -> int:
        return 1 << 20 if self._random is None else self._random.choice((1, 7, 700, 4096, 65536))


@implementer(IStreamClientEndpoint)
class PipeEndpoint:
    """Connects through a :class:`Network`.

    Args:
        network: which.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def connect(self, protocolFactory: IProtocolFactory) -> "Deferred[IProtocol]":
        return self._network.connect(protocolFactory)


class EventClock(Clock):
    """A Clock that goes from call to call, as a reactor does."""

    def run(self, seconds: float) -> None:
        """Let *seconds* pass, each call at its own time."""
        end = self.rightNow + seconds
        while (calls := self.getDelayedCalls()) and (
            time := min(call.getTime() for call in calls)
        ) <= end:
            self.advance(max(0.0, time - self.rightNow))
        self.advance(max(0.0, end - self.rightNow))
