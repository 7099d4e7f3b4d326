"""WebSocket connections, on Autobahn, over an in-memory transport."""

import gc
import struct
import weakref
from dataclasses import replace
from functools import partial
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.memory import traced
from tests.pusher.client import Client
from tests.pusher.websocket import BROWSER_OFFER, client_frame, handshake
from tpush.limits import Limits
from tpush.message import BROADCAST, ConnectionID, Message, WorkerID
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.closing import GOING_AWAY
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TOO_SLOW = b"too slow: come back"


def keep_order(closed: list[Client], client: Client, _: object) -> None:
    closed.append(client)


class ConnectionTests(SynchronousTestCase):
    """A client connects, gets what is published, and is closed."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = self.make()

    def make(self, **limits: Any) -> PusherFactory:
        return PusherFactory(WorkerID(7), self.clock, replace(Limits(), **limits))

    def publish(self, data: bytes, *, text: bool = True, connection: int | None = None) -> None:
        target = None if connection is None else ConnectionID(connection)
        self.factory.fanout.send(Message(BROADCAST, data, text, target))
        self.clock.advance(0)

    def test_greeting(self) -> None:
        """A client first gets its address, ids counting up from 1."""
        first, second = Client(self.factory).open(), Client(self.factory).open()
        self.assertEqual(first.frames, [(TEXT, b"workerID:7 connectionID:1 connected\n")])
        self.assertEqual(second.frames, [(TEXT, b"workerID:7 connectionID:2 connected\n")])

    def test_a_browsers_offer(self) -> None:
        """A client that offers permessage-deflate is taken, without it."""
        client = Client(self.factory).open(extensions=BROWSER_OFFER)
        self.assertTrue(client.head.startswith(b"HTTP/1.1 101 "), client.head)
        self.assertNotIn(b"Extensions", client.head)
        self.assertEqual(len(client.frames), 1)

    def test_a_page_of_another_host(self) -> None:
        """A page of another host is refused with 403; one of the same host is greeted."""
        other = Client(self.factory).open(origin=b"https://evil.test")
        self.assertTrue(other.head.startswith(b"HTTP/1.1 403 "), other.head)
        self.assertTrue(other.gone)
        self.assertEqual(len(self.factory.audience), 0)
        same = Client(self.factory).open(origin=b"http://localhost:8000")
        self.assertEqual(len(same.frames), 1)

    def test_text_and_binary(self) -> None:
        """Contents arrive as they were published, in frames of their kind."""
        client = Client(self.factory).open()
        self.publish("grüße".encode())
        self.publish(b"\xff\x00", text=False)
        self.assertEqual(client.frames[1:], [(TEXT, "grüße".encode()), (BINARY, b"\xff\x00")])

    def test_large_contents(self) -> None:
        """Contents of every length of the length field arrive whole."""
        client = Client(self.factory).open()
        for size in (0, 125, 126, 65_535, 65_536, 1_048_576):
            self.publish(b"x" * size)
            self.assertEqual(client.frames[-1], (TEXT, b"x" * size))

    def test_to_one(self) -> None:
        """A message for one connection reaches it alone."""
        clients = [Client(self.factory).open() for _ in range(3)]
        self.publish(b"hello", connection=2)
        self.assertEqual([len(client.frames) for client in clients], [1, 2, 1])

    def test_nothing_before_the_handshake(self) -> None:
        """A client that has not finished its handshake gets nothing."""
        client = Client(self.factory)
        client.send(handshake()[:50])
        self.publish(b"hello")
        self.assertEqual(client.transport.value(), b"")

    def test_nothing_published_before(self) -> None:
        """A client does not get what was published before it came, in the same turn too."""
        self.factory.fanout.send(Message(BROADCAST, b"early"))
        client = Client(self.factory).open()
        self.clock.advance(0)
        self.assertEqual(len(client.frames), 1)

    def test_no_data_after_a_close_frame(self) -> None:
        """A client that is being closed gets nothing after its close frame."""
        client = Client(self.factory).open()
        client.connection.close(GOING_AWAY)
        self.publish(b"late")
        self.assertEqual(client.frames[1:], [(CLOSE, struct.pack("!H", 1001) + b"going away")])

    def test_a_client_that_left(self) -> None:
        """A client that has left is forgotten, and its id is not given again."""
        client = Client(self.factory).open()
        client.lose()
        self.assertEqual(len(self.factory.audience), 0)
        self.assertIn(b"connectionID:2 ", Client(self.factory).open().frames[0][1])

    def test_freed(self) -> None:
        """A client that is gone is freed at once, with all that waited for it."""
        gc.disable()
        self.addCleanup(gc.enable)
        client = Client(self.factory).open()
        connection = weakref.ref(client.connection)
        client.lose()
        del client
        self.assertIsNone(connection())

    def test_clients_are_not_listened_to(self) -> None:
        """What a plain client says is taken and has no effect."""
        client = Client(self.factory).open()
        client.send(client_frame(TEXT, b"hello"))
        self.assertEqual(len(client.frames), 1)
        self.assertFalse(client.gone)

    def test_ping(self) -> None:
        """A ping is answered, RFC 6455 section 5.5.2."""
        client = Client(self.factory).open()
        client.send(client_frame(PING, b"are you there"))
        self.assertEqual(client.frames[1:], [(PONG, b"are you there")])

    def test_too_long(self) -> None:
        """A message over the bound is answered with close code 1009, not with a drop."""
        factory = self.make(client_message=100)
        client = Client(factory).open()
        client.send(client_frame(TEXT, b"x" * 101))
        opcode, payload = client.frames[-1]
        self.assertEqual((opcode, payload[:2]), (CLOSE, struct.pack("!H", 1009)))
        client.lose()
        self.assertEqual(factory.metrics.too_long, 1)

    def test_two_factories(self) -> None:
        """Two pushers in one process have limits of their own."""
        narrow, wide = self.make(client_message=10), self.make(client_message=1000)
        clients = [Client(factory).open() for factory in (narrow, wide)]
        for client in clients:
            client.send(client_frame(TEXT, b"x" * 100))
        self.assertEqual([len(client.frames) for client in clients], [2, 1])

    def test_no_handshake(self) -> None:
        """A client that does not finish its handshake is dropped in time."""
        factory = self.make(greeting=3)
        client, other = Client(factory), Client(factory).open()
        self.clock.advance(2.5)
        self.assertFalse(client.gone)
        self.clock.advance(1)
        self.assertTrue(client.gone)
        for each in client, other:
            each.lose()
        self.assertEqual(factory.metrics.late, 1)

    def test_not_a_websocket(self) -> None:
        """Plain HTTP is told to upgrade."""
        client = Client(self.factory)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(client.head.startswith(b"HTTP/1.1 426 "), client.head)

    def test_close_all(self) -> None:
        """All clients are closed with a code, and the end is told when the last is gone."""
        clients = [Client(self.factory).open() for _ in range(2)]
        early = Client(self.factory)
        self.patch(early.connection.transport, "abortConnection", early.lose)
        self.factory.close_all(GOING_AWAY)
        gone = self.factory.emptied()
        for client in clients:
            self.assertEqual(client.frames[-1][1][:2], struct.pack("!H", 1001))
            self.assertNoResult(gone)
            client.lose()
        self.successResultOf(gone)

    def test_close_in_order(self) -> None:
        """Clients are closed in the order they came: every run of a seed does the same."""
        closed: list[Client] = []
        clients = [Client(self.factory).open() for _ in range(50)]
        for client in clients:
            self.patch(client.connection, "close", partial(keep_order, closed, client))
        self.factory.close_all(GOING_AWAY)
        self.assertEqual(closed, clients)

    def test_close_nobody(self) -> None:
        """Without clients the end is told at once."""
        self.successResultOf(self.factory.emptied())

    def test_leave(self) -> None:
        """A client that has all that it is to have is closed at once."""
        client = Client(self.factory).open()
        client.connection.leave(GOING_AWAY)
        self.publish(b"late")
        self.assertEqual([opcode for opcode, _ in client.frames], [TEXT, CLOSE])
        self.assertEqual(self.factory.metrics.drained, 1)

    def test_leave_slowly(self) -> None:
        """A slow client is closed when it has got what waited for it, and gets nothing later."""
        client = self.slow(SlowPolicy.DISCONNECT)
        self.publish(b"1")
        self.publish(b"2")
        client.connection.leave(GOING_AWAY)
        self.publish(b"late" * 10)
        self.assertEqual(len(client.frames), 1)
        client.connection.resumeProducing()
        going_away = struct.pack("!H", 1001) + b"going away"
        self.assertEqual(client.frames[1:], [(TEXT, b"1"), (TEXT, b"2"), (CLOSE, going_away)])
        self.assertEqual(self.factory.metrics.slow_closed, 0)

    def test_leave_while_connecting(self) -> None:
        """A client in its handshake finishes it, and is told then."""
        client = Client(self.factory)
        client.send(handshake()[:50])
        client.connection.leave(GOING_AWAY)
        self.assertFalse(client.gone)
        client.send(handshake()[50:])
        self.assertTrue(client.head.startswith(b"HTTP/1.1 101 "), client.head)
        self.assertEqual(client.frames, [(CLOSE, struct.pack("!H", 1001) + b"going away")])

    def slow(self, policy: SlowPolicy, **limits: Any) -> Client:
        """Return a client whose transport has as much as it is to have."""
        self.factory = PusherFactory(
            WorkerID(7), self.clock, replace(Limits(), pending=20, **limits), slow=policy
        )
        client = Client(self.factory).open()
        client.connection.pauseProducing()
        return client

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

    def test_large_head(self) -> None:
        """A handshake without end is refused, and what follows is not looked at."""
        client = Client(self.factory)
        client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(100):
            client.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        self.assertTrue(client.head.startswith(b"HTTP/1.1 431 "), client.head)
        self.assertTrue(client.gone)
        self.assertLess(len(client.connection.data), 65_536)

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

    def test_nothing_left_on_the_clock(self) -> None:
        """A client that came and went leaves no timer."""
        client = Client(self.factory).open()
        client.lose()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_left_of_an_end(self) -> None:
        """Nor does one that was refused, was closing, or had closed."""
        refused, full = Client(self.factory), Client(self.make(handshakes=0))
        refused.send(b"GET / HTTP/1.0\r\n\r\n")
        closed, closing, dropped = (Client(self.factory).open() for _ in range(3))
        closed.send(client_frame(CLOSE, struct.pack("!H", 1001)))
        for client in (closing, dropped):
            client.connection.close(GOING_AWAY)
        dropped.send(client_frame(CLOSE, struct.pack("!H", 1001)))
        for client in (refused, full, closed, closing, dropped):
            client.lose()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
