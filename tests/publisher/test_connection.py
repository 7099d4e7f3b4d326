"""What a connection bears: bounds, times, and how it ends."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override
from zope.interface import alsoProvides

from tests.publisher.client import FORM, Answer, Client, SiteTestCase, TCPTransport, head
from tpush.limits import KIB, MIB
from tpush.publisher.request import PublisherRequest

BODY = "a body has at most 1048576 bytes"
CODED = b"Transfer-Encoding: chunked"
CHUNKED = head(b"POST /", b"Content-Type: " + FORM, CODED)
SLOW = "the request took too long to arrive"


def request_line(size: int) -> bytes:
    """Return a request line of that many bytes."""
    start, end = b"GET /?content=", b" HTTP/1.1"
    return start + b"x" * (size - len(start) - len(end)) + end


def announced(length: bytes, *more: bytes) -> bytes:
    """Return the head of a POST that announces so many bytes."""
    return head(b"POST /", b"Content-Type: " + FORM, b"Content-Length: " + length, *more)


class ConnectionTestCase(SiteTestCase):
    def assertClosing(self, answer: Answer, status: int, reason: str) -> None:
        """Check that a request was refused, and that its connection is being closed."""
        self.assertRefused(answer, status, reason)
        self.assertEqual(answer.headers[b"connection"], b"close")
        self.assertIn(b"date", answer.headers)
        self.assertDraining(self.client)

    def assertDraining(self, client: Client) -> None:
        """Check that nothing more is sent or taken notice of, and then the connection is cut."""
        assert isinstance(client.transport, TCPTransport)
        self.assertTrue(client.transport.half_closed)
        self.assertIsNone(client.transport.producer)
        for data in (b"x" * MIB, b"\r\n\r\n", head(b"GET /?content=X")):
            client.send(data)
        self.assertEqual(client.received(), b"")
        self.assertEqual(self.channel.published, [])
        self.assertEqual(client.transport.producerState, "producing")
        self.clock.advance(1.9)
        self.assertFalse(client.transport.disconnecting)
        self.clock.advance(0.2)
        self.assertTrue(client.transport.disconnected)


class HeadTests(ConnectionTestCase):
    def test_longest_line(self) -> None:
        """A request line of 16 KiB is served."""
        answer = self.client.ask(request_line(16 * KIB) + b"\r\nHost: localhost\r\n\r\n")
        self.assertEqual((answer.status, len(self.channel.published)), (200, 1))

    def test_too_long_line(self) -> None:
        """A longer one is refused, and the connection is closed."""
        answer = self.client.ask(request_line(16 * KIB + 1) + b"\r\n\r\n")
        self.assertClosing(answer, 414, "a request line has at most 16384 bytes")

    def test_line_without_end(self) -> None:
        """So is one whose end does not come."""
        self.client.send(request_line(16 * KIB))
        self.assertEqual(self.client.received(), b"")
        answer = self.client.ask(b"xx")
        self.assertClosing(answer, 414, "a request line has at most 16384 bytes")

    def test_second_line_too_long(self) -> None:
        """It is found out after other requests too, which are answered first."""
        self.client.send(head(b"GET /") + request_line(16 * KIB + 1) + b"\r\n\r\n")
        first, second = self.client.answers()
        self.assertAnswer(first, 200, "ok")
        self.assertClosing(second, 414, "a request line has at most 16384 bytes")

    def test_longest_header(self) -> None:
        """A header line may have 16 KiB."""
        line = b"X: " + b"x" * (16 * KIB - 3)
        self.assertAnswer(self.client.ask(head(b"GET /", line)), 200, "ok")

    def test_too_long_header(self) -> None:
        """A longer one is refused, ended or not."""
        answer = self.client.ask(b"GET / HTTP/1.1\r\nX: " + b"x" * 16 * KIB)
        self.assertClosing(answer, 431, "a header line has at most 16384 bytes")

    def test_largest_head(self) -> None:
        """Request line and headers may have 64 KiB, line ends aside."""
        lines = [b"GET / HTTP/1.1", b"Host: "] + [b"X: " + b"x" * (8 * KIB - 3)] * 7
        lines.append(b"X: " + b"x" * (8 * KIB - 3 - len(lines[0]) - len(lines[1])))
        self.assertEqual(sum(map(len, lines)), 64 * KIB)
        self.assertAnswer(self.client.ask(b"\r\n".join(lines) + b"\r\n\r\n"), 200, "ok")

    def test_too_large_head(self) -> None:
        """A larger one is refused, before its end."""
        self.client.send(b"GET / HTTP/1.1\r\n" + (b"X: " + b"x" * (8 * KIB - 3) + b"\r\n") * 7)
        self.assertEqual(self.client.received(), b"")
        answer = self.client.ask(b"X: " + b"x" * 8 * KIB + b"\r\nX: y\r\n\r\n")
        self.assertClosing(answer, 431, "the head of a request has at most 65536 bytes")

    def test_too_many_headers(self) -> None:
        """A head of very many headers is refused."""
        answer = self.client.ask(head(b"GET /?content=X", *[b"X: y"] * 500))
        self.assertClosing(answer, 431, "the head of a request has at most 500 headers")

    def test_heads_are_counted_by_themselves(self) -> None:
        """Any number of requests on one connection may have large heads."""
        large = head(b"GET /", *[b"X: " + b"x" * 8 * KIB] * 7)
        for _ in range(3):
            self.assertAnswer(self.client.ask(large), 200, "ok")


class MalformedTests(ConnectionTestCase):
    """What is no request is refused, and the connection is closed. RFC 9112."""

    def assertMalformed(self, reason: str, *streams: bytes) -> None:
        """Check what is refused, and why."""
        for stream in streams:
            self.client.leave()
            self.client = self.connect()
            self.assertClosing(self.client.ask(stream), 400, reason)

    def test_line(self) -> None:
        """A request line has a method, a target and a version; section 3."""
        self.assertMalformed(
            "malformed request",
            b"\x16\x03\x01\x02\r\n",
            b"GET /\r\n",
            b"GET / HTTP/2.0\r\n",
            b"GET  / HTTP/1.1\r\n",
            b"\r\n\r\n",
        )

    def test_target(self) -> None:
        """A target for a proxy is none for a server; sections 3.2.3 and 3.2.4."""
        self.assertMalformed("malformed target", head(b"GET localhost:80"), head(b"GET *"))
        # A client that does not wait for the answer sends bytes of another protocol.
        self.assertMalformed("this is no proxy", head(b"CONNECT localhost:80") + head(b"GET /"))

    def test_host(self) -> None:
        """There is one Host, and it can be one; section 3.2."""
        self.assertMalformed(
            "a request has one Host",
            b"GET /?content=X HTTP/1.1\r\n\r\n",
            head(b"GET /?content=X", b"Host: localhost"),
            b"GET /?content=X HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        )
        self.assertMalformed("malformed Host", b"GET / HTTP/1.1\r\nHost: [\r\n\r\n")

    def test_header(self) -> None:
        """A header is a name, a colon and a value, on one line; section 5."""
        for line in (
            b"no colon",
            b": no name",
            b"X : y",
            b"X: a\0b",
            b"X: a\nb",
            b"X: a\x7f",
            b"X\xff: y",
            b"X: y\r\n folded",
            b"Transfer-Encoding:\r\n\tchunked",
        ):
            for more in ((), (b"X: y",)):
                self.assertMalformed("malformed header", head(b"GET /?content=X", line, *more))

    def test_length(self) -> None:
        """A length is a number, said once, and not beside a coding; sections 6.2 and 6.3."""
        self.assertMalformed(
            "malformed request",
            announced(b"-1"),
            announced(b"1_0"),
            announced(b"1, 1"),
            announced(b"9", b"Content-Length: 9"),
            announced(b"9", CODED),
        )

    def test_coding(self) -> None:
        """The one coding is chunked, said once, and HTTP/1.0 knows none; section 6.1."""
        self.assertMalformed(
            "the one coding is chunked, of HTTP/1.1",
            head(b"POST /?content=X", b"Transfer-Encoding: identity"),
            head(b"POST /?content=X", b"Transfer-Encoding: identity", CODED),
            announced(b"9", b"Transfer-Encoding: identity"),
            CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0"),
        )
        self.assertMalformed("malformed request", head(b"POST /", b"Transfer-Encoding: gzip"))

    def test_chunk(self) -> None:
        """Chunks are as long as they say; section 7.1."""
        self.assertMalformed(
            "malformed request",
            CHUNKED + b"xyz\r\n",
            CHUNKED + b"+9\r\n",
            CHUNKED + b"9;\n\r\n",
            CHUNKED + b"9\r\ncontent=Xtoo long\r\n0\r\n\r\n",
        )

    def test_trailer(self) -> None:
        """What comes after the chunks are headers, and say nothing of length; section 7.1.2."""
        for line in (
            b"no colon",
            b"X: y\n\n" + head(b"GET /").rstrip(),
            b"X: y\r\n folded",
            b"Content-Length: 9",
        ):
            stream = CHUNKED + b"9\r\ncontent=X\r\n0\r\n" + line + b"\r\n\r\n"
            self.assertMalformed("malformed trailer", stream)
        self.client.leave()
        self.client = self.connect()
        answer = self.client.ask(CHUNKED + b"9\r\ncontent=X\r\n0\r\nX: y\r\nZ:\r\n\r\n")
        self.assertPublished(answer, ("broadcast", b"X", True, None))

    def test_no_body_asked_for(self) -> None:
        """The body of a request that is refused for its head is not asked for."""
        self.assertMalformed(
            "a request has one Host",
            announced(b"9", b"Expect: 100-continue", b"Host: x"),
        )

    def test_forged_header(self) -> None:
        """A line end in a header's value makes no second header."""
        self.client.send(head(b"GET /", b"X: a\rSet-Cookie: b"))
        self.assertNotIn(b"Cookie", self.client.received())


class BodyTests(ConnectionTestCase):
    def test_largest(self) -> None:
        """A body may have 1 MiB."""
        body = b"content=" + b"x" * (MIB - 8)
        answer = self.client.post(body)
        self.assertPublished(answer, ("broadcast", body[8:], True, None))

    def test_announced(self) -> None:
        """A larger one is refused as soon as it is announced."""
        self.assertClosing(self.client.ask(announced(b"1048577")), 413, BODY)

    def test_announced_with_a_part(self) -> None:
        """What came along of it makes no difference."""
        self.assertClosing(self.client.ask(announced(b"1048577") + b"content=X&"), 413, BODY)

    def test_announced_in_many_digits(self) -> None:
        """No number is too large to be refused."""
        for digits, reason in ((4000, BODY), (5000, "a length of too many digits")):
            self.client.leave()
            self.client = self.connect()
            answer = self.client.ask(announced(b"9" * digits))
            self.assertClosing(answer, 413, reason)

    def test_not_asked_to_continue(self) -> None:
        """A client that waits to be told to go on is not told to."""
        answer = self.client.ask(announced(b"1048577", b"Expect: 100-continue"))
        self.assertClosing(answer, 413, BODY)

    def test_asked_to_continue(self) -> None:
        """It is told to where the body may come."""
        self.client.send(announced(b"9", b"Expect: 100-continue"))
        self.assertEqual(self.client.received(), b"HTTP/1.1 100 Continue\r\n\r\n")
        answer = self.client.ask(b"content=X")
        self.assertPublished(answer, ("broadcast", b"X", True, None))

    def test_largest_in_chunks(self) -> None:
        """A body in chunks may have 1 MiB."""
        chunk = b"40000\r\n%b\r\n" % (b"x" * 0x40000)
        self.client.send(CHUNKED + b"8\r\ncontent=\r\n" + chunk * 3)
        answer = self.client.ask(b"3fff8\r\n%b\r\n0\r\n\r\n" % (b"x" * 0x3FFF8))
        self.assertPublished(answer, ("broadcast", b"x" * (MIB - 8), True, None))

    def test_too_large_in_chunks(self) -> None:
        """A larger one is refused as soon as so much of it has come."""
        self.client.send(CHUNKED + b"200000\r\n" + b"x" * MIB)
        self.assertEqual(self.client.received(), b"")
        self.assertClosing(self.client.ask(b"x"), 413, BODY)

    def test_too_large_at_once(self) -> None:
        """It is refused even where the whole of it came at once, and nothing is published."""
        body = b"content=X&" + b"x" * MIB
        chunks = b"9\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:9], len(body) - 9, body[9:])
        self.assertClosing(self.client.ask(CHUNKED + chunks), 413, BODY)

    def test_of_other_methods(self) -> None:
        """Every method has that bound, where a body means nothing too."""
        answer = self.client.ask(head(b"GET /health", b"Content-Length: 1048577"))
        self.assertClosing(answer, 413, BODY)


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
