"""The transport in memory behaves as Twisted's: else what stands on it shows nothing."""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.transport import Transport


class Direct(Transport):
    """Whose bytes arrive at once."""

    @override
    def _travel(self, data: bytes) -> None:
        self.other._arrived(data)

    @override
    def _close(self, error: Exception) -> None:
        if not self.silent:
            self.other.lose(error)


class Kept(Protocol):
    """Keeps what it got, and how it ended."""

    def __init__(self) -> None:
        self.got = b""
        self.end: type[BaseException] | None = None

    @override
    def dataReceived(self, data: bytes) -> None:
        self.got += data

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.end = reason.type


class Producer:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if not name.endswith("Producing"):
            raise AttributeError(name)
        return lambda: self.told.append(name)


class TransportTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.join()

    def join(self, **options: Any) -> None:
        """Make two ends, each with a protocol."""
        self.clock = Clock()
        address = IPv4Address("TCP", "127.0.0.1", 1)
        options = {"buffer": 100, "window": 10, **options}
        self.a, self.b = (Direct(self.clock, address, **options) for _ in range(2))
        self.a.other, self.b.other = self.b, self.a
        self.here, self.there = Kept(), Kept()
        self.a.connect(self.here)
        self.b.connect(self.there)

    def turn(self) -> None:
        for _ in range(10):
            self.clock.advance(0)

    def test_write(self) -> None:
        """What is written goes in a later turn, in order."""
        self.a.write(b"one")
        self.a.writeSequence([b"two", b"three"])
        self.assertEqual((self.there.got, self.a.unsent()), (b"", 11))
        self.turn()
        self.assertEqual((self.there.got, self.a.unsent()), (b"onetwothree", 0))

    def test_eager(self) -> None:
        """An eager one gives at once what the window takes, and never past what waits."""
        self.join(eager=True)
        self.b.pauseProducing()
        self.a.write(b"x" * 12)
        self.assertEqual(self.a.unsent(), 2)
        self.b.resumeProducing()
        self.a.write(b"yz")
        self.assertEqual(self.a.unsent(), 4)
        self.turn()
        self.assertEqual(self.there.got, b"x" * 12 + b"yz")

    def test_window(self) -> None:
        """One that does not read takes no more than the window; when it reads, all comes."""
        self.b.pauseProducing()
        self.a.write(b"0123456789abc")
        self.turn()
        self.assertEqual((self.there.got, self.a.unsent()), (b"", 3))
        self.b.resumeProducing()
        self.turn()
        self.assertEqual(self.there.got, b"0123456789abc")

    def test_producer(self) -> None:
        """A streaming producer is paused beyond the buffer, and goes on when all is gone."""
        producer = Producer()
        self.a.registerProducer(producer, streaming=True)
        self.assertRaises(RuntimeError, self.a.registerProducer, producer, streaming=True)
        self.b.pauseProducing()
        self.a.write(b"x" * 100)
        self.assertEqual(producer.told, [])
        self.a.write(b"x")
        self.assertEqual(producer.told, ["pauseProducing"])
        self.turn()
        self.assertEqual(producer.told, ["pauseProducing"])
        self.b.resumeProducing()
        self.turn()
        self.assertEqual(producer.told, ["pauseProducing", "resumeProducing"])

    def test_producer_of_a_lost_connection(self) -> None:
        """A producer is stopped when the connection is lost; one that comes later, at once."""
        before, after = Producer(), Producer()
        self.a.registerProducer(before, streaming=True)
        self.a.lose(ConnectionLost())
        self.a.registerProducer(after, streaming=True)
        self.assertEqual((before.told, after.told), (["stopProducing"], ["stopProducing"]))

    def test_lose(self) -> None:
        """One that is closed sends first what waits, and reads no more."""
        self.a.write(b"last")
        self.a.loseConnection()
        self.b.write(b"unheard")
        self.turn()
        self.assertEqual((self.there.got, self.there.end), (b"last", ConnectionDone))
        self.assertEqual((self.here.got, self.here.end), (b"", ConnectionDone))

    def test_lose_over_tls(self) -> None:
        """TLS does not close while there is a producer."""
        self.join(tls=True)
        self.a.registerProducer(Producer(), streaming=True)
        self.a.loseConnection()
        self.turn()
        self.assertIsNone(self.there.end)
        self.a.unregisterProducer()
        self.turn()
        self.assertIs(self.there.end, ConnectionDone)

    def test_lose_unread(self) -> None:
        """One that closes with bytes unread resets the connection, as a kernel does."""
        self.a.pauseProducing()
        self.b.write(b"x")
        self.turn()
        self.a.loseConnection()
        self.turn()
        self.assertIs(self.there.end, ConnectionLost)

    def test_abort(self) -> None:
        """One that is aborted throws away what waits; it hears of it in a later turn."""
        self.a.write(b"never")
        self.a.abortConnection()
        self.assertIsNone(self.here.end)
        self.turn()
        self.assertEqual((self.there.got, self.there.end), (b"", ConnectionLost))
        self.assertIs(self.here.end, ConnectionAborted)

    def test_silent(self) -> None:
        """Nothing of a silent one arrives, and nobody is told."""
        self.a.silent = True
        self.a.write(b"x")
        self.a.loseConnection()
        self.turn()
        self.assertEqual((self.there.got, self.there.end), (b"", None))

    def test_after_the_end(self) -> None:
        """What is done with one that is gone does nothing, and leaves nothing on the clock."""
        self.a.write(b"x")
        self.a.lose(ConnectionLost())
        self.a.lose(ConnectionDone())
        self.a.write(b"x")
        self.a.loseConnection()
        self.a.abortConnection()
        self.a.resumeProducing()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIs(self.here.end, ConnectionLost)

    def test_leak(self) -> None:
        """A transport in which very much waits is a fault of what writes to it."""
        self.assertRaises(AssertionError, self.a.write, bytes(Transport.most + 1))
