"""What the head of a request has to look like."""

from twisted.trial.unittest import SynchronousTestCase

from tpush.publisher.errors import BadRequest
from tpush.publisher.head import (
    RequestLine,
    check_field_line,
    check_head,
    check_trailer_line,
    is_last,
    parse_request_line,
)

V10, V11 = b"HTTP/1.0", b"HTTP/1.1"


class RequestLineTests(SynchronousTestCase):
    """RFC 9112 section 3."""

    def test_origin_form(self) -> None:
        """Path and query are the target, whatever characters they have."""
        for target in (b"/", b"/x/y?z=1", b"//x", b"/*", b'/?content={"a":[1|2]}#', b"/?http://x/"):
            line = parse_request_line(b"GET %b HTTP/1.1" % target)
            self.assertEqual(line, RequestLine(b"GET", target, V11))
            self.assertEqual(bytes(line), b"GET %b HTTP/1.1" % target)

    def test_typed(self) -> None:
        """What is not ASCII is escaped."""
        line = parse_request_line("GET /?content=é HTTP/1.0".encode())
        self.assertEqual(line, RequestLine(b"GET", b"/?content=%C3%A9", V10))

    def test_absolute_form(self) -> None:
        """A whole URL names the host; section 3.2.2."""
        for url, authority, target in (
            (b"http://push.test/?content=X", b"push.test", b"/?content=X"),
            (b"HTTPS://[::1]:4237/x//y", b"[::1]:4237", b"/x//y"),
            (b"http://push.test", b"push.test", b"/"),
            (b"http://push.test?content=/", b"push.test", b"/?content=/"),
            (b"http://push.test:", b"push.test:", b"/"),
        ):
            line = parse_request_line(b"GET %b HTTP/1.1" % url)
            self.assertEqual(line, RequestLine(b"GET", target, V11, authority))
            self.assertEqual(bytes(line), b"GET %b HTTP/1.1" % target)

    def test_asterisk_form(self) -> None:
        """The server itself can be asked for its options; section 3.2.4."""
        line = parse_request_line(b"OPTIONS * HTTP/1.1")
        self.assertEqual(line, RequestLine(b"OPTIONS", b"*", V11))

    def test_method(self) -> None:
        """A method is any token, in the case that it has."""
        for method in (b"get", b"BREW", b"M-SEARCH", b"!#$%&'*+-.^_`|~09aZ"):
            self.assertEqual(parse_request_line(method + b" / HTTP/1.1").method, method)

    def test_none(self) -> None:
        """Nothing else is a request line."""
        for line in (
            b"",
            b"GET",
            b"GET /",
            b"GET  HTTP/1.1",
            b" GET / HTTP/1.1",
            b"GET  / HTTP/1.1",
            b"GET / HTTP/1.1 ",
            b"GET\t/\tHTTP/1.1",
            b"GET / /x HTTP/1.1",
            b"GET /\n HTTP/1.1",
            b"GET /\0 HTTP/1.1",
            b"GET /\x7f HTTP/1.1",
            b"G(T / HTTP/1.1",
            b"\xc3\xa9 / HTTP/1.1",
            b"GET / http/1.1",
            b"GET / HTTP/1.2",
            b"GET / HTTP/1.1\n",
            b"PRI * HTTP/2.0",
        ):
            error = self.assertRaises(BadRequest, parse_request_line, line)
            self.assertEqual(str(error), "malformed request", line)

    def test_no_target(self) -> None:
        """A target begins with a slash, or with the name of a host."""
        for target in (
            b"x",
            b"*",
            b"?content=X",
            b"localhost:80",
            b"ftp://localhost/",
            b"http:/localhost/",
            b"http://",
            b"http:///x",
            b"http://:80/",
            b"http://user@localhost/",
            b"http://localhost\\@evil.test/",
            b"http://localhost:x/",
            b"http://[::1/",
            b"http://[::1]x/",
            b"http://localhost#/",
        ):
            error = self.assertRaises(BadRequest, parse_request_line, b"GET %b HTTP/1.1" % target)
            self.assertEqual(str(error), "malformed target", target)

    def test_connect(self) -> None:
        """There is nothing to connect to; section 3.2.3."""
        for target in (b"localhost:80", b"/", b"http://localhost/"):
            line = b"CONNECT %b HTTP/1.1" % target
            self.assertEqual(
                str(self.assertRaises(BadRequest, parse_request_line, line)), "this is no proxy"
            )


class FieldLineTests(SynchronousTestCase):
    """RFC 9112 section 5."""

    def test_taken(self) -> None:
        """A header has a token for a name, and a value of bytes that can be seen."""
        for line in (b"X:", b"x-y: z", b"X:\t\xe9\xff \t", b"!#$%&'*+-.^_`|~09aZ: :"):
            check_field_line(line)
            check_trailer_line(line)

    def test_refused(self) -> None:
        """No space is in a name, and no control character anywhere; no line is folded."""
        names = (b"", b"X ", b"X\t", b" X", b"\tX", b"X Y", b"X\0", b"X\xe9", b"X(", b'"X"', b"X\n")
        values = (b"\0", b"\n", b"\r", b"\x0b", b"\x0c", b"\x1f", b"\x7f", b"y\r\n z")
        lines = [name + b": y" for name in names] + [b"X: y" + value for value in values]
        for line in [b"X", *lines]:
            self.assertRaises(BadRequest, check_field_line, line)
            self.assertRaises(BadRequest, check_trailer_line, line)

    def test_framing_trailer(self) -> None:
        """No trailer says how long the body was."""
        for line in (b"Content-Length: 1", b"transfer-encoding: chunked"):
            check_field_line(line)
            self.assertRaises(BadRequest, check_trailer_line, line)


class HeadTests(SynchronousTestCase):
    """A head as a whole."""

    def test_host(self) -> None:
        """HTTP/1.1 needs one, HTTP/1.0 none, and two are too many; RFC 9112 section 3.2."""
        check_head(V11, [b"localhost"], [])
        check_head(V10, [b"localhost"], [])
        check_head(V10, [], [])
        for version, hosts in ((V11, []), (V11, [b"a", b"a"]), (V10, [b"a", b"b"])):
            self.assertRaises(BadRequest, check_head, version, hosts, [])

    def test_what_a_host_is(self) -> None:
        """It is a name or an address, and a port perhaps; it may be empty."""
        for host in (b"", b"a.test", b"A_b.test.:80", b"127.0.0.1:", b"[::1]", b"[::1]:80", b"%C3"):
            check_head(V11, [host], [])
        for host in (
            b"a b",
            b"a, b",
            b"a:x",
            b"a:1:2",
            b"[",
            b"[::1",
            b"[x]",
            b"::1",
            b"a@b",
            b"\xe9",
        ):
            self.assertRaises(BadRequest, check_head, V11, [host], [])

    def test_codings(self) -> None:
        """The one coding is chunked, said once, and in HTTP/1.1; RFC 9112 section 6.1."""
        check_head(V11, [b""], [b"Chunked"])
        for codings in ([b""], [b"identity"], [b"gzip, chunked"], [b"chunked", b"chunked"]):
            self.assertRaises(BadRequest, check_head, V11, [b""], codings)
        self.assertRaises(BadRequest, check_head, V10, [b""], [b"chunked"])


class LastTests(SynchronousTestCase):
    """RFC 9112 section 9.3."""

    def test_last(self) -> None:
        """After a request of HTTP/1.0, or one that says close anywhere, there is none."""
        for options in ([b"close"], [b"x,\tCLOSE , y"], [b"keep-alive", b"close"]):
            self.assertTrue(is_last(V11, options), options)
        self.assertTrue(is_last(V10, [b"keep-alive"]))

    def test_not_last(self) -> None:
        """After others there may be one."""
        for options in ([], [b""], [b"keep-alive"], [b"closed"], [b"x close"], [b'"close"']):
            self.assertFalse(is_last(V11, options), options)
