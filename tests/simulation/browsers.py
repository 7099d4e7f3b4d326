"""Those who receive: WebSocket clients that check every byte, and come back when cut off."""

from random import Random

from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from tests.pusher.websocket import client_frame, handshake
from tests.simulation.clock import Clock
from tests.simulation.journal import Connection, Journal
from tests.simulation.network import End, Network

TEXT, CLOSE, PING = 0x81, 0x88, 0x89
"""First bytes of the frames that a server may send, each whole."""

CLOSE_OPCODE, PONG_OPCODE = 8, 10
NORMAL = b"\x03\xe8"

HANDSHAKE = handshake()
GREETING = "workerID:{} connectionID:{} connected\n"


class BrowserConnection(Protocol):
    """One connection: takes what a server may send, and notes what it got."""

    transport: End

    def __init__(self, browser: "Browser") -> None:
        self.browser = browser
        self.journal = browser.journal
        self.connection: Connection | None = None
        self._buffer = b""
        self._upgraded = False
        self._closing = False

    @override
    def connectionMade(self) -> None:
        self.transport.write(HANDSHAKE)

    @override
    def dataReceived(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._upgraded:
            head, blank, buffer = buffer.partition(b"\r\n\r\n")
            if not blank:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self.journal.breach(f"a handshake was answered with {head!r:.80}")
            self._upgraded = True
        start, end = 0, len(buffer)
        while end - start >= 2:
            size, payload = buffer[start + 1], start + 2
            if size == 126:
                size, payload = int.from_bytes(buffer[start + 2 : start + 4], "big"), start + 4
            if payload + size > end:
                break
            self._frame(buffer[start], buffer[payload : payload + size])
            start = payload + size
        self._buffer = buffer[start:]

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.end("lost")
        self.browser.lost(self)

    def end(self, how: str) -> None:
        """Get nothing more over this connection."""
        connection, journal = self.connection, self.journal
        if connection is None:
            journal.ungreeted += 1
        elif connection.ended is None:
            connection.ended, connection.how = journal.now, how
            journal.note(f"{self.browser.name} {how}")

    def leave(self, *, abruptly: bool) -> None:
        """End the connection, by the closing handshake or without a word."""
        self.end("left")
        if abruptly or self.connection is None:
            self.transport.abortConnection()
        else:
            self.transport.write(client_frame(CLOSE_OPCODE, NORMAL))

    def _frame(self, first: int, payload: bytes) -> None:
        if self._closing:
            self.journal.breach(f"a frame {first:#x} after a close frame")
        elif first == TEXT:
            if self.connection is None:
                self._greeted(payload)
            elif self.connection.ended is None:
                self._message(self.connection, payload)
        elif first == PING:
            self.transport.write(client_frame(PONG_OPCODE, payload))
        elif first == CLOSE:
            self._closing = True
            self.end(f"closed with {int.from_bytes(payload[:2], 'big')}")
            self.transport.write(client_frame(CLOSE_OPCODE, payload[:2]))
        else:
            self.journal.breach(f"a frame {first:#x}")

    def _greeted(self, payload: bytes) -> None:
        journal, transport = self.journal, self.transport
        worker, number = (int(word.partition(":")[2]) for word in payload.decode().split()[:2])
        if payload.decode() != GREETING.format(worker, number):
            journal.breach(f"a greeting {payload!r}")
        self.connection = connection = Connection(
            (worker, number), transport.link.place, transport.other.clock.name, journal.now
        )
        before = journal.addresses.setdefault(connection.address, connection)
        if before is not connection and worker not in journal.shared:
            journal.breach(f"the address {connection.address} was given a second time")
        journal.connections.append(connection)
        journal.note(f"{self.browser.name} is {connection.address}")

    def _message(self, connection: Connection, payload: bytes) -> None:
        journal = self.journal
        number = int(payload.partition(b".")[0])
        publish = journal.publishes[number]
        if publish.accepted is None:
            journal.breach(f"message {number} came, and no publisher had taken it")
        elif publish.content != payload:
            journal.breach(f"message {number} was altered: {payload!r:.80}")
        elif publish.target is not None and publish.target != connection.address:
            journal.breach(f"message {number} for {publish.target} came to {connection.address}")
        else:
            connection.got.append((publish, journal.now))
        if journal.trace is not None:
            journal.note(f"{self.browser.name} got {number}")


class Browser(Factory):
    """Somebody who wants to receive: is connected to one of several places, or soon again.

    Args:
        name: for the trace.
        network: what connects.
        clock: of the world outside.
        journal: is told what comes.
        places: where to; which one is drawn.
    """

    noisy = False

    def __init__(
        self, name: str, network: Network, clock: Clock, journal: Journal, places: list[str]
    ) -> None:
        self.name = name
        self.journal = journal
        self._network = network
        self._clock = clock
        self._random: Random = clock.random
        self._places = places
        self._current: BrowserConnection | None = None
        self._staying = True

    @override
    def buildProtocol(self, addr: object) -> BrowserConnection:
        self._current = BrowserConnection(self)
        return self._current

    @property
    def connection(self) -> Connection | None:
        """The connection over which it receives at the moment."""
        connection = self._current.connection if self._current is not None else None
        return connection if connection is not None and connection.ended is None else None

    def connect(self) -> None:
        """Connect to one of the places."""
        if self._staying:
            attempt = self._network.connect(self._clock, self._random.choice(self._places), self)
            _known = attempt.addErrback(lambda _: self._connect_later())

    def lost(self, connection: BrowserConnection) -> None:
        """Be told that a connection is gone."""
        if connection is self._current:
            self._current = None
            self._connect_later()

    def leave(self, *, abruptly: bool, stay_away: bool = False) -> None:
        """Leave; come back soon, or not at all."""
        self._staying = not stay_away
        if self._current is not None and self._current.transport is not None:
            self._current.leave(abruptly=abruptly)

    def stop_reading(self) -> None:
        """Read nothing more, for now."""
        if self._current is not None and self._current.transport is not None:
            if self._current.connection is not None:
                self._current.connection.disturbed = True
            self._current.transport.pauseProducing()

    def wake(self) -> None:
        """Read again; and come back, where the connection has been of no use without a word."""
        if self._current is not None and self._current.transport is not None:
            self._current.transport.resumeProducing()
            if self.connection is None:
                self._current.leave(abruptly=True)

    def _connect_later(self) -> None:
        if self._staying:
            self._clock.callLater(0.05 + 0.5 * self._random.random(), self.connect)
