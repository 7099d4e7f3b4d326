"""What a connection bears: bounds, times, and how it ends."""

# ruff: noqa: N802 - assertions are named as trial's own

from tests.publisher.client import head
from tests.publisher.connection_case import (
    BODY,
    CHUNKED,
    CODED,
    ConnectionTestCase,
    announced,
    request_line,
)
from tpush.limits import KIB, MIB


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
