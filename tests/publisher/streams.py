"""Byte streams of HTTP/1.1 requests, whole and damaged, for property tests.

Most of what is drawn is picked from lists: of what is allowed, and of what servers have
disagreed about. A byte anywhere is damaged too.
"""

from collections.abc import Iterator, Sequence
from random import Random

METHODS = (b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", b"get", b"BREW", b"M-SEARCH")
VERSIONS = (b"HTTP/1.1",)
TARGETS = (
    b"/",
    b"/?content=X",
    b"/?to_worker_id=1&to_connection_id=2&content=X",
    b"/?to_worker_id=1&content=X",
    b"/health",
    b"/x/../y?z=/#",
    b"//localhost/",
    b'/?content={"a":[1]}',
    "/?content=grüße".encode(),
    b"/?content=\xff",
    b"http://localhost/?content=X",
    b"http://localhost?content=X",
    b"HTTP://127.0.0.1:4237",
    b"https://[::1]:4237/health",
    b"http://evil.test/?content=X",
)
FIELDS = (
    b"X: y",
    b"x-y_z.~!#$%&'*+^`|:",
    b"X:\t y, z \t",
    b"X: \xe9\xff",
    b"Accept: */*",
    b"Connection: keep-alive",
    b"Connection: Upgrade",
    b"Upgrade: websocket, h2c",
    b"Expect: 100-continue",
    b"Content-Type: application/x-www-form-urlencoded",
    b"Content-Encoding: gzip",
    b"Cookie: a=b; c",
    b"Origin: http://localhost",
)
LAST = (b"Connection: close", b"connection: Keep-Alive ,CLOSE", b"Connection:\tclose\t")
"""After a request with one of these there is no other."""
HIDDEN = b"GET /?content=hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODIES = (b"", b"content=X", b"\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", HIDDEN, b"x" * 300)
CODINGS = (b"Transfer-Encoding: chunked", b"transfer-encoding:\tCHUNKED ")
SIZES = (b"%x", b"%X", b"0%x", b"000000%x", b"%x;a", b'%x;a=b;c="d;e"', b"%x;\xff")
TRAILERS = (b"X: y\r\n", b"X:\r\nY: \xff\r\n")

ODD_CODINGS = (
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: xchunked",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: chunked;q=1",
    b"Transfer-Encoding: chunked\x0b",
    b"Transfer-Encoding: \x00chunked",
    b"Transfer-Encoding:",
    b"Transfer-Encoding:\r\n chunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding\x00: chunked",
    b"Transfer_Encoding: chunked",
    b"X: y\nTransfer-Encoding: chunked",
    b"X: y\r\n\tTransfer-Encoding: chunked",
)
ODD_FIELDS = (
    *CODINGS,
    *ODD_CODINGS,
    b"Content-Length: 3",
    b"Content-Length: 30",
    b"Content-Length: +3",
    b"Content-Length: -3",
    b"Content-Length: 0x3",
    b"Content-Length: 1_0",
    b"Content-Length: 3, 3",
    b"Content-Length: 3, 4",
    b"Content-Length: 3 4",
    b"Content-Length: \xb2",
    b"Content-Length:",
    b"Content-Length: 03",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length : 3",
    b"Content-Length\t: 3",
    b" Content-Length: 3",
    b"Content-Length: 3\x0b",
    b"Content-Length: \x0c3",
    b"Content_Length: 3",
    b"content-length: 3",
    b"X: y\nContent-Length: 3",
    b"X: y\rContent-Length: 3",
    b"X: y\x85Content-Length: 3",
    b"X: y\r\n Content-Length: 3",
    b"Host: evil.test",
    b"Host:",
    b"Host: localhost, evil.test",
    b"Host: local host",
    b"Host: localhost:x",
    b"Host: [",
    b"Host: a@localhost",
    b"hOST: localhost",
    b"Origin: http://[",
    b"Connection: close, x",
    b"Connection: x\r\nConnection: close",
    b"Connection: closed",
    b"Expect: 200-ok",
    b"Cookie: \x01=\x02",
    b"X: \x7f",
    b"X: \x00",
    b"no colon",
    b": no name",
    b"X\xff: y",
    b"X Y: z",
    b'"X": y',
    b"X(y): z",
    b" folded",
    b"\tfolded: twice",
    b"",
)
ODD_TARGETS = (
    b"*",
    b"x",
    b"?content=X",
    b"localhost:80",
    b"http://",
    b"http:///?content=X",
    b"http://localhost\\@evil.test/",
    b"http://a@localhost/",
    b"http://[/",
    b"http:/localhost/",
    b"ftp://localhost/",
    b"//",
    b"/\x7f",
    b"/\x00",
    b"/ /",
    b"/\t",
    b"/\nX",
    b"/\rX",
    b"",
)
ODD_METHODS = (b"CONNECT", b"", b"G\x00ET", b" GET", b"GET\t", b"G(T", b"\xff", b"PRI", b"\nGET")
ODD_VERSIONS = (
    b"HTTP/1.0",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"HTTP/0.9",
    b"HTTP/1.10",
    b"HTTP/1.1 ",
    b" HTTP/1.1",
    b"http/1.1",
    b"HTTP/1,1",
    b"HTTP/1.1\x0b",
    b"",
)
ODD_SIZES = (
    b"0x%x",
    b"+%x",
    b"-%x",
    b" %x",
    b"%x ",
    b"%x\t",
    b"%x ;a",
    b"%x_",
    b"_%x",
    b"0_%x",
    b"%x\n",
    b"\n%x",
    b"%x\r",
    b"%x\x00",
    b"%x;\n",
    b"%x;a\nb",
    b"%x;a\rb",
    b"%x;\x00",
    b"%x,5",
    b"%xg",
    b"ffffffffffffffff%x",
    b"fffffffffffffffffffffffff%x",
    b"-0",
    b";%x",
    b"",
)
ODD_ENDS = (b"\n", b"\r", b"", b"\r\r\n", b"\n\n", b"\n\r\n", b"\r\n\r\n", b"\r\n ", b"xx", b"\0")
ODD_TRAILERS = (
    b"Content-Length: 5\r\n",
    b"content-length: x\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"no colon\r\n",
    b"X: y\n",
    b"X: y\r",
    b"X: y\r\n z\r\n",
    b" X: y\r\n",
    b"X : y\r\n",
    b"X: \0\r\n",
    b"\n",
    b"\n\n",
    b"\r",
    b"GET / HTTP/1.1\r\n",
    b"X: y\n\n" + HIDDEN,
    b"X: y\n\r\n" + HIDDEN,
    b": y\r\n",
)
ODD_BYTES = (b"\0", b"\n", b"\r", b"\t", b" ", b"\x0b", b"\x7f", b"\x85", b"\xff", b":", b";", b"0")
END = b"GET /?content=last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
"""Ends each stream, so that nobody waits for the end of a line."""


class Writer:
    """Writes requests.

    Args:
        random: what is chosen from.
        odd: how likely what is not allowed is chosen, each time that there is a choice.
    """

    def __init__(self, random: Random, odd: float = 0.0) -> None:
        self._random = random
        self._odd = odd

    def stream(self) -> bytes:
        """Return some requests; after the last there are no more."""
        requests = [self._request() for _ in range(self._random.randint(0, 3))]
        last = self._request(self._random.choice(LAST)) if self._random.random() < 0.5 else END
        return b"".join([*requests, last])

    def damage(self, stream: bytes) -> bytes:
        """Return a stream with some bytes changed, lost or too much."""
        for _ in range(self._random.choice((0, 0, 0, 1, 1, 2))):
            start = self._random.randrange(len(stream))
            harm = self._random.randrange(4)
            if harm == 0:
                start = max(stream.rfind(b"\r\n", 0, start), 0)
                end, new = start + 2, self._random.choice(ODD_ENDS)
            else:
                end = start + (harm - 1) * self._random.randint(1, 6)
                new = self._random.choice(ODD_BYTES)
            stream = stream[:start] + new + stream[end:]
        return stream + END

    def _pick(self, allowed: Sequence[bytes], odd: Sequence[bytes]) -> bytes:
        return self._random.choice(odd if self._random.random() < self._odd else allowed)

    def _picks(self, most: int, allowed: Sequence[bytes], odd: Sequence[bytes]) -> list[bytes]:
        return [self._pick(allowed, odd) for _ in range(self._random.randint(0, most))]

    def _request(self, more: bytes = b"") -> bytes:
        line = (
            self._pick(METHODS, ODD_METHODS),
            self._pick(TARGETS, ODD_TARGETS),
            self._pick(VERSIONS, ODD_VERSIONS),
        )
        framing, body = self._random.choice((self._nothing, self._announced, self._chunked))()
        fields = [b"Host: localhost", *self._picks(3, FIELDS, ODD_FIELDS), framing, more]
        self._random.shuffle(fields)
        lines = [b" ".join(line), *filter(None, fields)]
        return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body

    def _body(self) -> bytes:
        return self._random.choice((*BODIES, self._random.randbytes(self._random.randint(1, 20))))

    def _nothing(self) -> tuple[bytes, bytes]:
        return b"", b""

    def _announced(self) -> tuple[bytes, bytes]:
        body = self._body()
        return b"Content-Length: %d" % len(body), body

    def _chunked(self) -> tuple[bytes, bytes]:
        chunks = [self._chunk(self._body()) for _ in range(self._random.randint(0, 3))]
        trailers = self._picks(2, TRAILERS, ODD_TRAILERS)
        parts = [*chunks, self._size(0), *trailers, b"\r\n"]
        return self._pick(CODINGS, ODD_CODINGS), b"".join(parts)

    def _chunk(self, data: bytes) -> bytes:
        return data and self._size(len(data)) + data + self._pick((b"\r\n",), ODD_ENDS)

    def _size(self, size: int) -> bytes:
        written = self._pick(SIZES, ODD_SIZES)
        return (written % size if b"%x" in written.lower() else written) + b"\r\n"


def pieces(random: Random, stream: bytes) -> Iterator[bytes]:
    """Cut a stream into pieces: into one, few or many."""
    most = random.choice((3, 100, 60_000))
    while stream:
        size = random.randint(1, most)
        yield stream[:size]
        stream = stream[size:]
