"""What a connection may cost: clients that read slowly, write without end, or never go."""

import struct

from typing_extensions import override

from tests.memory import traced
from tests.pusher.client import Client
from tests.pusher.factory_case import FactoryCase
from tests.pusher.websocket import CLOSE, PING, PONG, TEXT, client_frame
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.closing import GOING_AWAY
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory

TOO_SLOW = b"too slow: come back"


class BoundsTests(FactoryCase):
    """No client takes what is the others'."""

    def test_slow_and_back(self) -> None:
        """What a slow client could not take yet waits, and comes when it can, in order."""
        client = self.slow(SlowPolicy.DISCONNECT)
        self.publish(b"1")
        self.publish(b"2")
        self.assertEqual(len(client.frames), 1)
        client.connection.resumeProducing()
        self.publish(b"3")
        self.assertEqual([data for _, data in client.frames[1:]], [b"1", b"2", b"3"])

    def test_slow_and_closed(self) -> None:
        """What waits for a slow client is not sent after its close frame."""
        client = self.slow(SlowPolicy.DISCONNECT)
        self.publish(b"1")
        client.connection.close(GOING_AWAY)
        client.connection.resumeProducing()
        self.assertEqual([opcode for opcode, _ in client.frames], [TEXT, CLOSE])

    def test_slow_again(self) -> None:
        """A transport that takes only part of what waits is given no more than that."""
        client = self.slow(SlowPolicy.DISCONNECT)
        for data in (b"1", b"2", b"3"):
            self.publish(data)
        write = client.transport.write

        def pause_after(data: bytes) -> None:
            write(data)
            client.connection.pauseProducing()

        pausing = self.patch(client.transport, "write", pause_after)
        client.connection.resumeProducing()
        self.assertEqual([data for _, data in client.frames[1:]], [b"1"])
        pausing.restore()
        client.connection.resumeProducing()
        self.assertEqual([data for _, data in client.frames[1:]], [b"1", b"2", b"3"])

    def test_too_slow(self) -> None:
        """A client with too much waiting is closed with 4008, which others do not feel."""
        client, other = self.slow(SlowPolicy.DISCONNECT), Client(self.factory).open()
        for _ in range(3):
            self.publish(b"x" * 8)
        self.assertEqual(client.frames[1:], [(CLOSE, struct.pack("!H", 4008) + TOO_SLOW)])
        self.assertEqual(len(other.frames), 4)
        metrics = self.factory.metrics
        self.assertEqual((metrics.slow_closed, metrics.slow_dropped), (1, 3))
        self.clock.advance(10)
        self.assertTrue(client.gone)

    def test_dropped(self) -> None:
        """The other policies keep a slow client, and what it gets is whole."""
        for policy, kept in [
            (SlowPolicy.DROP_NEWEST, [b"1" * 8, b"2" * 8]),
            (SlowPolicy.DROP_OLDEST, [b"2" * 8, b"3" * 8]),
            (SlowPolicy.KEEP_LATEST, [b"3" * 8]),
        ]:
            with self.subTest(policy=policy):
                client = self.slow(policy)
                for digit in (b"1", b"2", b"3"):
                    self.publish(digit * 8)
                client.connection.resumeProducing()
                self.assertEqual([data for _, data in client.frames[1:]], kept)
                self.assertEqual(self.factory.metrics.slow_dropped, 3 - len(kept))
                self.assertFalse(client.gone)

    def test_pongs_for_one_who_never_reads(self) -> None:
        """A client that asks and does not read is not answered."""
        client = self.slow(SlowPolicy.DISCONNECT, client_frames=0)
        client.send(client_frame(PING, b"x") * 1000)
        self.assertEqual(len(client.frames), 1)

    def test_too_many_frames(self) -> None:
        """A client that sends too many frames in a second is closed with 4429, and read no more."""
        self.factory = self.make(client_frames=5)
        client = Client(self.factory).open()
        for _ in range(3):
            client.send(client_frame(TEXT, b"x") * 5)
            self.clock.advance(1)
        self.assertEqual(len(client.frames), 1)
        client.send(client_frame(PONG, b"x") * 6)
        opcode, payload = client.frames[-1]
        self.assertEqual((opcode, payload[:2]), (CLOSE, struct.pack("!H", 4429)))
        self.assertEqual(client.transport.producerState, "paused")
        self.assertEqual(self.factory.metrics.flooding, 1)
        self.clock.advance(10)
        self.assertTrue(client.gone)

    def test_too_many_at_once(self) -> None:
        """What came together with the frames that were too many is not looked at."""
        seen: list[bytes] = []

        class Seeing(Connection):
            @override
            def onPong(self, payload: bytes) -> None:
                seen.append(payload)

        class Factory(PusherFactory):
            connection_class = Seeing

        client = Client(Factory(WorkerID(7), self.clock, Limits(client_frames=5))).open()
        client.send(client_frame(PONG, b"x") * 1000)
        self.assertEqual(len(seen), 5)

    def test_too_many_while_closing(self) -> None:
        """A client that is being closed is read no more either when it sends too many frames."""
        self.factory = self.make(client_frames=5)
        client = Client(self.factory).open()
        client.connection.close(GOING_AWAY)
        client.send(client_frame(TEXT, b"x") * 6)
        self.assertEqual(client.transport.producerState, "paused")
        self.assertEqual(self.factory.metrics.flooding, 0)

    def test_endless_control_frame(self) -> None:
        """A control frame that is too long is refused, and its payload is not gathered."""
        client = Client(self.factory).open()
        with traced() as memory:
            client.send(b"\x89\xff" + (2**40).to_bytes(8, "big") + bytes(4))
            for _ in range(10):
                client.send(bytes(65_536))
        opcode, payload = client.frames[-1]
        self.assertEqual((opcode, payload[:2]), (CLOSE, struct.pack("!H", 1002)))
        self.assertTrue(client.gone)
        self.assertLess(memory.held, 20_000)

    def test_endless_message(self) -> None:
        """A message of empty fragments, without end, takes no memory."""
        self.factory = self.make(client_frames=0)
        client = Client(self.factory).open()
        client.send(client_frame(TEXT, b"hello", final=False))
        with traced() as memory:
            client.send(client_frame(0, b"", final=False) * 10_000)
        self.assertLess(memory.held, 20_000)
        self.assertFalse(client.gone)

    def test_who_does_not_read_the_end(self) -> None:
        """A client that does not take what it is told last is dropped a little later."""
        closing, refused = Client(self.factory).open(), Client(self.factory)
        closing.connection.pauseProducing()
        closing.send(client_frame(CLOSE, struct.pack("!H", 1000)))
        refused.send(b"GET / HTTP/1.0\r\n\r\n")
        full = Client(self.make(connections=1, handshakes=0))
        for client in (closing, refused, full):
            self.assertTrue(client.transport.disconnecting)
        self.clock.advance(3.9)
        for client in (closing, refused, full):
            self.assertFalse(client.transport.disconnected)
        self.clock.advance(0.2)
        for client in (closing, refused, full):
            self.assertTrue(client.transport.disconnected)

    def test_full(self) -> None:
        """A client for whom there is no room is told so; when one has left there is."""
        self.factory = self.make(connections=2)
        clients = [Client(self.factory).open() for _ in range(2)]
        self.assertTrue(Client(self.factory).head.startswith(b"HTTP/1.1 503 "))
        self.assertEqual(self.factory.metrics.full, 1)
        clients[0].lose()
        self.assertEqual(len(Client(self.factory).open().frames), 1)

    def test_handshakes(self) -> None:
        """Clients that do not finish their handshake do not take the room of others for good."""
        self.factory = self.make(handshakes=2, greeting=3)
        idle = [Client(self.factory) for _ in range(2)]
        self.assertTrue(Client(self.factory).head.startswith(b"HTTP/1.1 503 "))
        self.clock.advance(4)
        for client in idle:
            self.assertTrue(client.gone)
            client.lose()
        self.assertEqual(len(Client(self.factory).open().frames), 1)

    def test_silent(self) -> None:
        """A client that does not answer a ping is dropped; one that does stays."""
        silent, alive = Client(self.factory).open(), Client(self.factory).open()
        for _ in range(4):
            self.clock.advance(10)
            for opcode, payload in alive.frames[-1:]:
                if opcode == PING:
                    alive.send(client_frame(PONG, payload))
        self.assertTrue(silent.gone)
        self.assertFalse(alive.gone)
        self.assertEqual(self.factory.metrics.silent, 1)
