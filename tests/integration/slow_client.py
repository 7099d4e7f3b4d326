"""A WebSocket client that reads nothing, until it is told to."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from tests.pusher.websocket import handshake, server_frames

ESTABLISHED = 1
GREETED = b"connected\n"
DATA = (1, 2)
"""The opcodes of text and binary messages."""


class SlowClient:
    """A client that has been greeted, and has room for 4 KiB of what comes.

    Args:
        url: where it connects.
    """

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.got = b""
        """What it has read since its greeting."""
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.settimeout(30)
        self._socket.connect((where.hostname, where.port))
        self._socket.sendall(handshake())
        greeting = b""
        while GREETED not in greeting:
            greeting += self._socket.recv(1)
        self._socket.settimeout(0)

    @property
    def closed(self) -> bool:
        """Whether the other end has closed the connection: nothing need be read to see that."""
        try:
            self._socket.send(b"")
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return True
        return bool(error) or state != ESTABLISHED

    @property
    def messages(self) -> list[bytes]:
        """The messages that it has read; none may be cut off."""
        return [payload for opcode, payload in server_frames(self.got) if opcode in DATA]

    def read(self) -> None:
        """Read what is there."""
        with suppress(BlockingIOError):
            while data := self._socket.recv(1 << 20):
                self.got += data

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()
