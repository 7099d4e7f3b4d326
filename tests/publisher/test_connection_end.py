"""How long a request may take, and how a connection ends."""

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override
from zope.interface import alsoProvides

from tests.publisher.client import TCPTransport, head
from tests.publisher.connection_case import BODY, CHUNKED, SLOW, ConnectionTestCase, announced
from tpush.publisher.request import PublisherRequest


class TimeTests(ConnectionTestCase):
    def test_idle(self) -> None:
        """A connection without a request is closed after a minute, without a word."""
        self.clock.advance(59)
        self.assertAnswer(self.client.get(), 200, "ok")
        self.clock.advance(59)
        assert isinstance(self.client.transport, TCPTransport)
        self.assertFalse(self.client.transport.half_closed)
        self.clock.advance(2)
        self.assertEqual(self.client.received(), b"")
        self.assertDraining(self.client)

    def test_slow_head(self) -> None:
        """A head has to come within a minute, however steadily its bytes come."""
        for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 41:
            self.assertEqual(self.client.received(), b"")
            self.client.send(bytes([byte]))
            self.clock.advance(1)
        [answer] = self.client.answers()
        self.assertClosing(answer, 408, SLOW)

    def test_slow_line(self) -> None:
        """So has a request line."""
        self.client.send(b"G")
        self.clock.advance(60)
        [answer] = self.client.answers()
        self.assertClosing(answer, 408, SLOW)

    def test_slow_body(self) -> None:
        """A body has a minute of its own."""
        for start in (announced(b"100"), CHUNKED + b"64\r\n"):
            self.client.leave()
            self.client = self.connect()
            self.clock.advance(50)
            self.client.send(start)
            for _ in range(59):
                self.clock.advance(1)
                self.client.send(b"x")
            self.assertEqual(self.client.received(), b"")
            self.clock.advance(1)
            [answer] = self.client.answers()
            self.assertClosing(answer, 408, SLOW)

    def test_slow_reader(self) -> None:
        """A client that does not take the last answer is cut off after a minute."""
        self.client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(self.client.transport.disconnecting)
        self.clock.advance(59)
        self.assertFalse(self.client.transport.disconnected)
        self.clock.advance(1)
        self.assertTrue(self.client.transport.disconnected)


class Later(Resource):
    """Answers when it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[PublisherRequest] = []

    @override
    def render(self, request: PublisherRequest) -> object:
        self.requests.append(request)
        return NOT_DONE_YET


class EndTests(ConnectionTestCase):
    def test_client_leaves(self) -> None:
        """When a client has read why and closes, nothing is left to do."""
        self.client.send(announced(b"1048577"))
        self.client.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_client_sent_all(self) -> None:
        """When a client that was refused sends nothing more, its connection is closed."""
        self.client.send(announced(b"1048577"))
        self.client.protocol.readConnectionLost()
        self.assertTrue(self.client.transport.disconnecting)
        self.clock.advance(2)
        self.assertTrue(self.client.transport.disconnected)

    def test_paused(self) -> None:
        """A client that reads slowly, and is refused, is read from again."""
        self.client.protocol.pauseProducing()
        self.assertEqual(self.client.transport.producerState, "paused")
        self.assertClosing(self.client.ask(announced(b"1048577")), 413, BODY)

    def test_no_half_close(self) -> None:
        """Where one direction cannot be closed by itself, as with TLS, the headers say it."""
        tls = TCPTransport()
        alsoProvides(tls, ISSLTransport)
        for transport in (tls, StringTransport()):
            client = self.connect(transport)
            answer = client.ask(announced(b"1048577"))
            self.assertRefused(answer, 413, BODY)
            self.assertEqual(answer.headers[b"connection"], b"close")
            self.assertFalse(transport.disconnecting)
            self.clock.advance(2)
            self.assertTrue(transport.disconnected)
            client.leave()
        self.assertFalse(tls.half_closed)

    def test_client_half_closes(self) -> None:
        """A client that sends nothing more still gets its answer."""
        self.client.send(head(b"GET /?content=X"))
        self.client.protocol.readConnectionLost()
        [answer] = self.client.answers()
        self.assertPublished(answer, ("broadcast", b"X", True, None))
        self.assertTrue(self.client.transport.disconnecting)
        self.assertFalse(self.client.transport.disconnected)

    def test_client_half_closes_and_waits(self) -> None:
        """It gets it if that takes a while, too."""
        later = Later()
        self.site.resource.putChild(b"later", later)
        self.client.send(head(b"GET /later"))
        self.client.protocol.readConnectionLost()
        self.assertFalse(self.client.transport.disconnecting)
        later.requests[0].answer(b"done")
        [answer] = self.client.answers()
        self.assertAnswer(answer, 200, "done")
        self.assertTrue(self.client.transport.disconnecting)

    def test_after_the_last(self) -> None:
        """What comes after a request that was to be the last is not served."""
        self.client.send(head(b"GET /", b"Connection: close") + head(b"GET /?content=X") * 1000)
        [answer] = self.client.answers()
        self.assertPublished(answer)
        self.client.send(head(b"GET /?content=X"))
        self.assertEqual(self.client.received(), b"")
        self.assertEqual(self.channel.published, [])

    def test_order_with_a_slow_answer(self) -> None:
        """A refusal comes after the answers to the requests before it."""
        later = Later()
        self.site.resource.putChild(b"later", later)
        self.client.send(head(b"GET /later") + b"no request\r\n")
        self.assertEqual(self.client.received(), b"")
        later.requests[0].answer(b"done")
        first, second = self.client.answers()
        self.assertAnswer(first, 200, "done")
        self.assertClosing(second, 400, "malformed request")
