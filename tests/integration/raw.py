"""A WebSocket client that sees every frame, and answers as it is told."""

import socket
import struct
import time

from tests.pusher.websocket import CLOSE, PING, PONG, TEXT, client_frame, handshake


class RawClient:
    """One client, over a blocking socket.

    Args:
        port: of the pusher, on loopback.
        host: its address.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=30)
        self._data = b""

    def open(self) -> "RawClient":
        """Finish the handshake, and take the greeting."""
        self.socket.sendall(handshake())
        self.answered()
        opcode, greeting = self.frame()
        assert opcode == TEXT and greeting.startswith(b"workerID:"), greeting
        return self

    def finish(self) -> None:
        """Send the rest of a handshake that has been begun with its first two lines."""
        self.socket.sendall(handshake().split(b"\r\n", 2)[2])
        self.answered()

    def answered(self) -> None:
        """Wait until the handshake is answered."""
        head = self._until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def frame(self, deadline: float = 30) -> tuple[int, bytes]:
        """Return the next frame of the server, :rfc:`6455#section-5.2`: opcode and payload.

        Raises:
            EOFError: the connection has ended.
            TimeoutError: none came in time.
        """
        self.socket.settimeout(deadline)
        first, size = self._take(2)
        if size == 126:
            [size] = struct.unpack("!H", self._take(2))
        elif size == 127:
            [size] = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def text(self, deadline: float = 30) -> str:
        """Return the next message, answering pings meanwhile; a close is ``"close 1001"``."""
        until = time.monotonic() + deadline
        while True:
            opcode, payload = self.frame(max(0.01, until - time.monotonic()))
            if opcode == PING:
                self.send(PONG, payload)
            elif opcode == CLOSE:
                return f"close {struct.unpack('!H', payload[:2])[0]}"
            else:
                return payload.decode()

    def send(self, opcode: int, payload: bytes) -> None:
        """Send one frame."""
        self.socket.sendall(client_frame(opcode, payload))

    def close(self) -> None:
        """Be gone."""
        self.socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._data:
            self._read()
        found, _, self._data = self._data.partition(end)
        return found

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            self._read()
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def _read(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise EOFError
        self._data += data
