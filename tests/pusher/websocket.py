"""A WebSocket client as bytes, for tests over an in-memory transport."""

import base64
import struct
from collections.abc import Sequence

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes, :rfc:`6455#section-5.2`."""

KEY = base64.b64encode(b"0123456789abcdef")
BROWSER_OFFER = b"permessage-deflate; client_max_window_bits"


def handshake(
    *,
    path: bytes = b"/",
    extensions: bytes = b"",
    version: bytes = b"13",
    origin: bytes = b"",
    headers: Sequence[bytes] = (),
) -> bytes:
    """Return an opening handshake, as a browser sends it; RFC 6455 section 4.1."""
    lines = [
        b"GET %s HTTP/1.1" % path,
        b"Host: localhost:4236",
        b"Upgrade: websocket",
        b"Connection: keep-alive, Upgrade",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: " + version,
    ]
    if origin:
        lines.append(b"Origin: " + origin)
    if extensions:
        lines.append(b"Sec-WebSocket-Extensions: " + extensions)
    return b"\r\n".join([*lines, *headers, b"", b""])


def client_frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """Return a masked frame; the mask is zero, which is allowed and easy to read."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", (0x80 if final else 0) | opcode, 0x80 | size)
    elif size < 0x10000:
        head = struct.pack("!BBH", (0x80 if final else 0) | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", (0x80 if final else 0) | opcode, 0x80 | 127, size)
    return head + bytes(4) + payload


def server_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Cut what a server sent after its handshake into opcodes and payloads."""
    frames = []
    while data:
        opcode, size, head = data[0] & 0x0F, data[1], 2
        if size == 126:
            size, head = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, head = struct.unpack("!Q", data[2:10])[0], 10
        frames.append((opcode, data[head : head + size]))
        data = data[head + size :]
    return frames
