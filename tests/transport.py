"""One end of a connection in memory: what Twisted's transports do with buffers and producers.

How bytes travel, and how an end learns that the other has closed, is up to those who inherit.
"""

# ruff: noqa: N802 - the names of Twisted's interfaces

from collections import deque
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IProtocol,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

KEPT = 64 * 1024
"""Bytes that Twisted lets wait before it pauses a streaming producer."""


@implementer(ITransport, IConsumer, IPushProducer)
class Transport:
    """What a process has of a connection, and what its kernel does with it.

    Args:
        clock: of the process.
        address: of this end.
        buffer: bytes that wait before a streaming producer is paused.
        window: bytes that are on their way to the other end, or wait to be read there.
        eager: give bytes away at once where nothing waits.
        tls: close as TLS does: never while a producer is registered.
    """

    __slots__ = (
        "_aborting", "_buffer", "_buffer_bytes", "_eager", "_in_window", "_producer",
        "_producer_paused", "_pumping", "_streaming", "_tls", "_unread", "_window", "address",
        "clock", "closed", "disconnecting", "other", "protocol", "reading", "silent",
    )  # fmt: skip

    most = 1024 * 1024
    """Bytes that may wait: more is a leak."""

    other: Any
    """The other end."""

    def __init__(
        self,
        clock: IReactorTime,
        address: IPv4Address,
        *,
        buffer: int = KEPT,
        window: int = KEPT,
        eager: bool = False,
        tls: bool = False,
    ) -> None:
        self.clock = clock
        self.address = address
        self.protocol: IProtocol | None = None
        self.closed = False
        """Of no use to its process any more."""
        self.silent = False
        """Nothing that it sends arrives, and nobody is told."""
        self.reading = True
        self.disconnecting = False
        self._aborting = False
        self._eager = eager
        self._tls = tls
        self._buffer_bytes = buffer
        self._window = window
        self._buffer = bytearray()
        self._pumping: Any = None
        self._unread: deque[bytes] = deque()
        self._in_window = 0
        self._producer: Any = None
        self._streaming = False
        self._producer_paused = False

    # For those who inherit.

    def _travel(self, data: bytes) -> None:
        """Carry bytes to the other end, which is to :meth:`_take` them."""
        raise NotImplementedError

    def _close(self, error: Exception) -> None:
        """Let the other end learn that this one is closed."""
        raise NotImplementedError

    def _receive(self, protocol: IProtocol, piece: bytes) -> None:
        """Give a piece to the process."""
        protocol.dataReceived(piece)

    # The transport's interface.

    def getPeer(self) -> IPv4Address:
        peer: IPv4Address = self.other.address
        return peer

    def getHost(self) -> IPv4Address:
        return self.address

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001 - ITCPTransport
        """Be told not to wait."""

    def write(self, data: bytes) -> None:
        if self.closed or self._aborting:
            return
        if self._eager and not self._buffer:
            room = self._window - self._in_window
            if room > 0:
                self._send(data[:room])
                data = data[room:]
            if not data:
                return
        self._buffer += data
        if len(self._buffer) > self._buffer_bytes:
            self._pause_producer()
        self._pump_soon()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def unsent(self) -> int:
        """Return how many bytes the kernel has not taken."""
        return len(self._buffer)

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001 - IConsumer
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
        if self._pumping is not None:
            self._pumping.cancel()
            self._pumping = None
        self._unread.clear()
        self._buffer.clear()
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(error))

    def _arrived(self, piece: bytes) -> None:
        """Take from the network what has arrived, or let it wait until it is read."""
        protocol = self.protocol
        if self._unread or not self.reading or protocol is None:
            self._unread.append(piece)
        else:
            self._take(protocol, piece)

    def _read(self) -> None:
        while self._unread and self.reading and not self.closed and self.protocol is not None:
            self._take(self.protocol, self._unread.popleft())

    def _take(self, protocol: IProtocol, piece: bytes) -> None:
        other = self.other
        other._in_window -= len(piece)
        if other._buffer:
            other._pump_soon()
        if not (self.closed or self._aborting or self.disconnecting):
            self._receive(protocol, piece)

    def _send(self, data: bytes) -> None:
        self._in_window += len(data)
        if not self.silent:
            self._travel(data)

    def _pause_producer(self) -> None:
        if len(self._buffer) > self.most:
            raise AssertionError(f"{len(self._buffer)} bytes wait in one transport")
        if self._streaming and self._producer is not None:
            self._producer_paused = True
            self._producer.pauseProducing()

    def _pump_soon(self) -> None:
        if not self.closed and self._pumping is None:
            self._pumping = self.clock.callLater(0, self._pump)

    def _pump(self) -> None:
        self._pumping = None
        if self.closed or self._aborting:
            return
        buffer = self._buffer
        while buffer and (room := self._window - self._in_window) > 0:
            piece = bytes(buffer if len(buffer) <= room else buffer[:room])
            del buffer[:room]
            self._send(piece)
        if buffer:
            return
        if self._producer is not None and self._producer_paused:
            # As Twisted does, even while it is disconnecting.
            self._producer_paused = False
            self._producer.resumeProducing()
        elif self.disconnecting and not (self._tls and self._producer is not None):
            self._close(ConnectionLost() if self._unread else ConnectionDone())
            self.lose(ConnectionDone())
