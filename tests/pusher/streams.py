"""What a WebSocket client sends, whole and damaged, for property tests."""

import struct
import zlib
from collections.abc import Sequence
from random import Random

from tests.pusher.websocket import BINARY, BROWSER_OFFER, CLOSE, CONTINUATION, KEY, PING, PONG, TEXT

LIMIT = 1000
"""Bytes that a message may have in these tests."""

TEXTS = (b"", b"hello", "grüße €😀".encode(), b"\0", b"x" * 125, b"x" * 126, b"x" * LIMIT)
ODD_TEXTS = (
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"x" * (LIMIT + 1),
    b"x" * 2 * LIMIT,
    b"x" * 70_000,
)
DATA = (b"", b"\0\xff", zlib.compress(bytes(1000))[2:-4], b"\xff" * 126)
CLOSES = (b"", b"\x03\xe8", b"\x03\xe9bye", struct.pack("!H", 3000), struct.pack("!H", 4999) + b"x")
ODD_CLOSES = (
    b"x",
    b"\x03\xe8\xff",
    b"\x03\xe8\xe2\x82",
    b"\x03\xe8" + b"x" * 124,
    *(
        struct.pack("!H", code)
        for code in (0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, 65535)
    ),
)
ODD_OPCODES = (0, 1, 2, 3, 7, 8, 9, 10, 11, 15)
ODD_SIZES = (0, 1, 2, 125, 126, 127, 65_535, 65_536, 2**31, 2**32, 2**62, 2**63, 2**64 - 1)
ODD_BYTES = (b"\0", b"\x7f", b"\x80", b"\x88", b"\x89", b"\xc1", b"\xff", b"\xfe")

FIELDS = (
    b"X: y",
    b"x-y:",
    b"Accept: */*",
    b"User-Agent: \xc3\xa9",
    b"Origin: http://localhost:8000",
    b"Sec-WebSocket-Extensions: " + BROWSER_OFFER,
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10, x",
    b"Sec-WebSocket-Protocol: chat, superchat",
    b"Cookie: a=b; c",
    b"Content-Length: 0",
)
ODD_FIELDS = (
    b"Origin: http://evil.test",
    b"Origin: null",
    b"Origin: http://[",
    b"Origin: http://localhost:x",
    b"Origin:",
    b"Origin: \xb2://\xbd",
    b"Host: localhost",
    b"Host: [::",
    b"Host: localhost:x",
    b"Host: localhost:99999999999999999999",
    b"Host:",
    b"Upgrade: h2c",
    b"Upgrade",
    b"Connection: close",
    b"Content-Length: 5",
    b"Transfer-Encoding: chunked",
    b"Sec-WebSocket-Key: short",
    b"Sec-WebSocket-Key: " + b"\xff" * 22 + b"==",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Version: \xb2",
    b"Sec-WebSocket-Version: " + b"1" * 5000,
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99",
    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits",
    b'Sec-WebSocket-Extensions: permessage-deflate; x="; a=b',
    b"Sec-WebSocket-Extensions: ,;=,;;==",
    b"Sec-WebSocket-Protocol: chat, chat",
    b"Sec-WebSocket-Protocol: tpush.token.\xff, tpush.plain",
    b"Authorization: Bearer \xff",
    b"no colon",
    b": no name",
    b"X\0: \0",
    b"X: \x0b\x0c\x1c\x85y",
    b" folded",
    b"",
)
LINES = (
    b"GET / HTTP/1.1",
    b"GET /x?token=y&z HTTP/1.1",
    b"GET /%00?%ff HTTP/1.1",
    b"GET http://localhost:4236/ HTTP/1.1",
)
ODD_LINES = (
    b"",
    b"GET",
    b"GET / HTTP/1.0",
    b"GET / HTTP/2",
    b"GET / HTTP",
    b"POST / HTTP/1.1",
    b"get / HTTP/1.1",
    b"GET  /  HTTP/1.1",
    b"GET /#x HTTP/1.1",
    b"GET //[ HTTP/1.1",
    b"GET http://[/ HTTP/1.1",
    b"GET \xff HTTP/1.1",
    b"GET /?" + b"a&" * 2000 + b" HTTP/1.1",
    b"GET / HTTP/1.1\x0bX",
    b"\x16\x03\x01\x02",
)


def masked_with(mask: bytes, payload: bytes) -> bytes:
    """Mask a payload, RFC 6455 section 5.3."""
    size = len(payload)
    masks = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")


class Writer:
    """Writes what a client sends.

    Args:
        random: what is chosen from.
        odd: how likely what is not allowed is chosen, each time that there is a choice.
    """

    def __init__(self, random: Random, odd: float = 0.0) -> None:
        self._random = random
        self._odd = odd

    def handshake(self) -> bytes:
        """Return an opening handshake."""
        fields = [
            b"Host: localhost:4236",
            b"Upgrade: websocket",
            b"Connection: keep-alive, Upgrade",
            b"Sec-WebSocket-Key: " + KEY,
            b"Sec-WebSocket-Version: 13",
        ]
        for field in self._random.sample(FIELDS, self._random.randint(0, 3)):
            name = field.partition(b":")[0]
            if not any(other.startswith(name) for other in fields):
                fields.append(field)
        for at in range(len(fields)):
            if self._is_odd():
                fields[at] = self._random.choice(ODD_FIELDS)
        self._random.shuffle(fields)
        return b"\r\n".join([self._pick(LINES, ODD_LINES), *fields, b"", b""])

    def frames(self) -> bytes:
        """Return some messages and control frames, and perhaps a close at their end."""
        parts = [self._message() for _ in range(self._random.randint(0, 4))]
        if self._random.random() < 0.3:
            parts.append(self._frame(CLOSE, self._pick(CLOSES, ODD_CLOSES)))
        return b"".join(parts)

    def damage(self, stream: bytes) -> bytes:
        """Return a stream with some bytes changed, lost or too much, or without its end."""
        for _ in range(self._random.choice((0, 0, 0, 1, 1, 2)) if stream else 0):
            start = self._random.randrange(len(stream))
            harm = self._random.randrange(4)
            end = start + harm if harm < 3 else len(stream)
            stream = stream[:start] + self._random.choice(ODD_BYTES) + stream[end:]
        return stream

    def _is_odd(self) -> bool:
        return self._random.random() < self._odd

    def _pick(self, allowed: Sequence[bytes], odd: Sequence[bytes]) -> bytes:
        return self._random.choice(odd if self._is_odd() else allowed)

    def _message(self) -> bytes:
        kind = self._random.choice((TEXT, BINARY))
        payload = self._pick(TEXTS, ODD_TEXTS) if kind == TEXT else self._random.choice(DATA)
        frames = [self._control()]
        while self._random.random() < 0.4:
            at = self._random.randint(0, len(payload))
            frames.append(self._frame(kind, payload[:at], final=False))
            frames.append(self._control())
            kind, payload = CONTINUATION, payload[at:]
        return b"".join([*frames, self._frame(kind, payload)])

    def _control(self) -> bytes:
        if self._random.random() < 0.6:
            return b""
        payload = self._pick((b"", b"are you there", b"\xff" * 125), (b"x" * 126, b"x" * 65_536))
        return self._frame(self._random.choice((PING, PONG)), payload)

    def _frame(self, opcode: int, payload: bytes, *, final: bool = True) -> bytes:
        first = opcode | 0x80 * (final != self._is_odd())
        if self._is_odd():
            first = first & 0xF0 | self._random.choice(ODD_OPCODES)
        if self._is_odd():
            first |= self._random.choice((0x40, 0x20, 0x10))
        size = self._random.choice(ODD_SIZES) if self._is_odd() else len(payload)
        widths = [0 if size < 126 else 2 if size < 65_536 else 8]
        if self._is_odd():
            widths = [width for width in (0, 2, 8) if width >= widths[0]]
        width = self._random.choice(widths)
        masked = not self._is_odd()
        second = {0: size, 2: 126, 8: 127}[width] | 0x80 * masked
        mask = self._random.randbytes(4)
        if masked:
            payload = masked_with(mask, payload)
        head = bytes([first, second]) + (size.to_bytes(width, "big") if width else b"")
        return head + (mask if masked else b"") + payload
