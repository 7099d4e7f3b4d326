"""An in-memory network on one Clock: bounded pipes that can be slow, full, cut, or silent.

A :class:`Pipe` behaves as a TCP connection does under Twisted: a write is sent in a later turn,
what the other end has not read counts against a window, a streaming producer is paused while more
than 64 KiB wait, and a cut loses what is on its way. Nothing here reads the time or a random
number that it was not given.
"""

# ruff: noqa: N803 - the names of Twisted's transport interfaces

from collections import deque
from collections.abc import Callable
from random import Random

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import (
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from typing_extensions import override
from zope.interface import implementer

from tests.transport import Transport


class End(Transport):
    """One end of a pipe: a transport.

    Args:
        clock: tells the time.
        delay: seconds that bytes and news travel.
        chunk: how many bytes the next piece has.
        address: of this end.
        tls: close as TLS does: never while a producer is registered.
    """

    most = 16 * 1024 * 1024

    other: "End"

    def __init__(
        self,
        clock: Clock,
        delay: float,
        chunk: Callable[[], int],
        address: IPv4Address,
        *,
        tls: bool = False,
    ) -> None:
        super().__init__(clock, address, tls=tls)
        self.delay = delay
        self.chunk = chunk
        self.written = 0
        self._flying: deque[tuple[IDelayedCall, bytes]] = deque()

    @override
    def write(self, data: bytes) -> None:
        self.written += len(data)
        super().write(data)

    def drop_flying(self) -> None:
        """Lose what is on its way."""
        for call, _ in self._flying:
            if call.active():
                call.cancel()
        self._flying.clear()

    @override
    def abortConnection(self) -> None:
        if not self.closed:
            self.drop_flying()
        super().abortConnection()

    @override
    def _close(self, error: Exception) -> None:
        if not self.silent:
            self.clock.callLater(self.delay, self.other.lose, error)

    @override
    def _travel(self, data: bytes) -> None:
        while data:
            size = self.chunk()
            self._flying.append((self.clock.callLater(self.delay, self._arrive), data[:size]))
            data = data[size:]

    def _arrive(self) -> None:
        _, piece = self._flying.popleft()
        if not self.other.closed:
            self.other._arrived(piece)


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
        return not (self.client.closed and self.server.closed)

    def cut(self, *, client: bool = True, server: bool = True) -> None:
        """Lose what is on its way; the ends that are named are told, the other hears nothing."""
        for end in self.client, self.server:
            end.silent = True
            end.drop_flying()
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
        mine = factory.buildProtocol(pipe.server.address)
        theirs = self._factory.buildProtocol(pipe.client.address)
        assert mine is not None
        assert theirs is not None
        pipe.server.connect(theirs)
        pipe.client.connect(mine)
        answer.callback(mine)

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
