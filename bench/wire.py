"""WebSocket bytes as a client meets them, and the numbered messages in them: pure.

Only what a push server sends is understood: unmasked, unfragmented text frames of up to 65,535
bytes, and control frames. Anything else is a fault, for a bench that reads less than it thinks
measures nothing.

A message is ``number-stamp-size-xxx…``: its number counts up from 1 within a run, its stamp is
the monotonic clock (ns) at the moment of publishing. Number 0 is a probe, which is not counted.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from functools import lru_cache

from deadline import BenchError

TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A
"""First bytes of the frames that are understood, FIN bit included."""

PROBE = 0
MESSAGE_BYTES = range(40, 8193)
"""Sizes a message may have: its head fits, and a GET line stays under 16,384 bytes."""

_GREETING = re.compile(rb"workerID:(\d+) connectionID:(\d+) connected\n")
_MESSAGE = re.compile(rb"(\d{10})-(\d{20})-(\d{5})-x*")


def upgrade_request(host: str, path: str, key: bytes) -> bytes:
    """The opening handshake, offering nothing (:rfc:`6455#section-4.1`).

    Args:
        host: the Host header's value.
        path: what to ask for.
        key: 16 random bytes in base64.
    """
    head = (
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n"
    )
    return head.encode()


def check_upgrade(head: bytes, key: bytes) -> None:
    """Check the server's answer to the opening handshake.

    Args:
        head: everything before the empty line.
        key: what the request carried.

    Raises:
        BenchError: it is no 101, or it answers another key.
    """
    status, *lines = head.split(b"\r\n")
    if not re.match(rb"HTTP/1\.1 101\b", status):
        raise BenchError(f"the handshake was refused: {status!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in map(_halves, lines)}
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False)
    accept = headers.get(b"sec-websocket-accept")
    if accept != base64.b64encode(digest.digest()):
        raise BenchError(f"the handshake answers another key: Sec-WebSocket-Accept is {accept!r}")


def _halves(line: bytes) -> tuple[bytes, bytes, bytes]:
    return line.partition(b":")


def parse_greeting(text: bytes) -> tuple[int, int]:
    """The address that a greeting names: worker id, connection id.

    Args:
        text: the first text frame's payload.

    Raises:
        BenchError: it is not a greeting.
    """
    found = _GREETING.fullmatch(text)
    if found is None:
        raise BenchError(f"expected a greeting, got {text[:80]!r} (--no-greeting if there is none)")
    return int(found[1]), int(found[2])


def take_frame(data: bytes, at: int = 0) -> tuple[int, bytes, int] | None:
    """The frame that starts at an offset: its first byte, its payload, the offset behind it.

    None where the frame is not all there yet.

    Args:
        data: bytes as they were received.
        at: the offset.

    Raises:
        BenchError: the frame is masked or longer than 65,535 bytes.
    """
    if len(data) < at + 2:
        return None
    length, start = data[at + 1], at + 2
    if length > 126:
        raise BenchError(f"a frame is masked or over 65,535 bytes: {data[at : at + 16]!r}")
    if length == 126:
        if len(data) < at + 4:
            return None
        length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    end = start + length
    return (data[at], data[start:end], end) if len(data) >= end else None


def text_frame(payload: bytes) -> bytes:
    """A text frame as a server sends it.

    Args:
        payload: up to 65,535 bytes.
    """
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
    return bytes([TEXT]) + length + payload


def client_frame(kind: int, payload: bytes) -> bytes:
    """A control frame as a client sends it, masked with zeros.

    Args:
        kind: its first byte, such as ``PONG``.
        payload: up to 125 bytes.
    """
    return bytes([kind, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def message(number: int, size: int) -> bytes:
    """A message stamped with this moment, of characters that need no quoting in a URL.

    Args:
        number: its place in the run.
        size: its length, one of ``MESSAGE_BYTES``.
    """
    return f"{number:010d}-{time.monotonic_ns():020d}-{size:05d}-".ljust(size, "x").encode()


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run of bytes holds."""

    first: int
    """Number of the first message; the others follow it without a gap."""
    stamps: tuple[int, ...]
    """When each message was published (ns), in order; empty if there is none."""
    probes: int
    pings: tuple[bytes, ...]
    rest: bytes
    """The start of a frame whose end has not come yet."""


@lru_cache(maxsize=64)
def split(data: bytes) -> Batch:
    """Take received bytes apart.

    Remembers its latest answers: a broadcast brings every client the same bytes, and a reader
    that parses them a thousand times becomes the slow side of what it measures.

    Args:
        data: bytes that start at a frame's first byte.

    Raises:
        BenchError: a frame or a message that should not be there, or a gap between two.
    """
    texts, pings, at = [], [], 0
    while (frame := take_frame(data, at)) is not None:
        kind, payload, at = frame
        if kind == TEXT:
            texts.append(_parse_message(payload))
        elif kind == PING:
            pings.append(payload)
        elif kind != PONG:
            raise BenchError(_unexpected(kind, payload))
    numbered = [text for text in texts if text[0] != PROBE]
    first = numbered[0][0] if numbered else 0
    for place, (number, _) in enumerate(numbered, first):
        if number != place:
            raise BenchError(f"message {number} came where {place} was due")
    stamps = tuple(stamp for _, stamp in numbered)
    return Batch(first, stamps, len(texts) - len(numbered), tuple(pings), data[at:])


def _parse_message(text: bytes) -> tuple[int, int]:
    found = _MESSAGE.fullmatch(text)
    if found is None or int(found[3]) != len(text):
        raise BenchError(f"a text that was not published by this run: {text[:80]!r}")
    return int(found[1]), int(found[2])


def _unexpected(kind: int, payload: bytes) -> str:
    if kind == CLOSE:
        code = int.from_bytes(payload[:2], "big")
        return f"the server closed a client's connection: {code} {payload[2:]!r}"
    return f"an unexpected frame, first byte {kind:#04x}: {payload[:80]!r}"
