"""Thousands of WebSocket clients that cost little: each sees its frames, and when it was closed."""

import asyncio
import struct
import time
from collections import Counter
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.pusher.websocket import CLOSE, PING, PONG, TEXT, client_frame, handshake, server_frames


class Member(asyncio.Protocol):
    """One client."""

    def __init__(self) -> None:
        self.greeting = ""
        self.got: list[str] = []
        self.closed: int | None = None
        """The code that it was closed with; 1006 without one."""
        self.closed_at = 0.0
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._data = b""
        self._transport: Any = None

    @override
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(handshake())

    @override
    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._data.startswith(b"HTTP"):
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101 "), head
            self._data = rest
        for opcode, payload in self._frames():
            self._take(opcode, payload)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._close(1006)
        if not self.greeted.done():
            self.greeted.set_exception(exc or EOFError())
            self.greeted.exception()  # whoever waits has it
        self.gone.set_result(None)

    def leave(self) -> None:
        """Be gone."""
        self._transport.abort()

    def _frames(self) -> list[tuple[int, bytes]]:
        try:
            frames = server_frames(self._data)
        except (IndexError, struct.error):
            return []
        if frames and len(self._data) < sum(len(payload) + 2 for _, payload in frames):
            return []
        self._data = b""
        return frames

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._transport.write(client_frame(PONG, payload))
        elif opcode == CLOSE:
            self._close(struct.unpack("!H", payload[:2])[0])
            self._transport.write(client_frame(CLOSE, payload[:2]))
        elif opcode == TEXT and not self.greeting:
            self.greeting = payload.decode()
            self.greeted.set_result(None)
        elif opcode == TEXT:
            self.got.append(payload.decode())

    def _close(self, code: int) -> None:
        if self.closed is None:
            self.closed, self.closed_at = code, time.monotonic()


async def join(where: int | Path, host: str = "127.0.0.1") -> Member:
    """Connect one client, and wait for its greeting.

    Args:
        where: a port, or the path of a unix socket.
        host: of the port.

    Raises:
        OSError: it is not let in.
        EOFError: it is, and its connection ends.
    """
    loop = asyncio.get_running_loop()
    if isinstance(where, Path):
        _, member = await loop.create_unix_connection(Member, str(where))
    else:
        _, member = await loop.create_connection(Member, host, where)
    await asyncio.wait_for(member.greeted, 30)
    return member


async def gather(
    port: int, count: int, at_once: int = 200, host: str = "127.0.0.1"
) -> list[Member]:
    """Connect that many clients."""
    members: list[Member] = []
    for start in range(0, count, at_once):
        joining = (join(port, host) for _ in range(min(at_once, count - start)))
        members += await asyncio.gather(*joining)
    return members


async def all_gone(members: list[Member], deadline: float = 40) -> Counter[int | None]:
    """Wait until every client is gone; return how many were closed with which code."""
    await asyncio.wait_for(asyncio.gather(*(member.gone for member in members)), deadline)
    return Counter(member.closed for member in members)
