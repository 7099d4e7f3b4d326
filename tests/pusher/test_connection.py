"""WebSocket connections, on Autobahn, over an in-memory transport."""

import gc
import struct
import weakref
from functools import partial

from twisted.internet.interfaces import IProtocolNegotiationFactory
from zope.interface.verify import verifyObject

from tests.pusher.client import Client
from tests.pusher.factory_case import FactoryCase
from tests.pusher.websocket import (
    BINARY,
    BROWSER_OFFER,
    CLOSE,
    PING,
    PONG,
    TEXT,
    client_frame,
    handshake,
)
from tpush.message import BROADCAST, Message
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.closing import GOING_AWAY

TOO_SLOW = b"too slow: come back"


def keep_order(closed: list[Client], client: Client, _: object) -> None:
    closed.append(client)


class ConnectionTests(FactoryCase):
    """A client connects, gets what is published, and is closed."""

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

    def test_negotiation(self) -> None:
        """Browsers say over TLS what they speak, and go where nobody answers that."""
        verifyObject(IProtocolNegotiationFactory, self.factory)
        self.assertEqual(self.factory.acceptableProtocols(), [b"http/1.1"])

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
        """Plain HTTP is told to upgrade, and to what: RFC 9110 section 15.5.22."""
        client = Client(self.factory)
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertTrue(client.head.startswith(b"HTTP/1.1 426 "), client.head)
        lines = client.head.split(b"\r\n")
        self.assertIn(b"Upgrade: websocket", lines)
        self.assertIn(b"Connection: Upgrade", lines)

    def test_another_method(self) -> None:
        """It is told which there is, RFC 9110 section 15.5.6."""
        client = Client(self.factory)
        client.send(handshake().replace(b"GET", b"POST"))
        self.assertTrue(client.head.startswith(b"HTTP/1.1 405 "), client.head)
        self.assertIn(b"Allow: GET", client.head.split(b"\r\n"))

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

    def test_large_head(self) -> None:
        """A handshake without end is refused, and what follows is not looked at."""
        client = Client(self.factory)
        client.send(b"GET / HTTP/1.1\r\n")
        for _ in range(100):
            client.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")
        self.assertTrue(client.head.startswith(b"HTTP/1.1 431 "), client.head)
        self.assertTrue(client.gone)
        self.assertLess(len(client.connection.data), 65_536)

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

    def test_nothing_left_of_one_who_was_slow(self) -> None:
        """Nor does one that closed itself, while it had time for what waited."""
        client = self.slow(SlowPolicy.DISCONNECT)
        self.publish(b"1")
        client.connection.leave(GOING_AWAY)
        client.send(client_frame(CLOSE, struct.pack("!H", 1001)))
        client.lose()
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
