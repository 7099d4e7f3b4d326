"""One client's connection: on its way, then open."""

from __future__ import annotations

import base64
import os
import socket
from contextlib import suppress
from dataclasses import dataclass

import wire
from deadline import BenchError

_RECV_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Target:
    """Where clients connect."""

    host: str
    """A numeric loopback address."""
    port: int
    path: str | None
    """None: bare TCP without a handshake, for the yardstick."""
    greeting: bool
    """Whether the first text names the connection's address."""

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Client:
    """A connection that is open.

    Args:
        sock: the connected, non-blocking socket.
        rest: what was received already and not looked at.
    """

    __slots__ = ("next", "rest", "sock")

    def __init__(self, sock: socket.socket, rest: bytes) -> None:
        self.sock = sock
        self.rest = rest
        self.next = 1

    def read(self) -> wire.Batch:
        """Receive once, answer pings, check the order.

        Raises:
            BenchError: the connection has ended, or a message is missing, doubled or strange.
        """
        try:
            data = self.sock.recv(_RECV_BYTES)
        except ConnectionError as error:
            raise BenchError(f"the server dropped a client: {error}") from None
        if not data:
            raise BenchError("the server dropped a client")
        batch = wire.split(self.rest + data if self.rest else data)
        self.rest = batch.rest
        for ping in batch.pings:
            self.sock.send(wire.client_frame(wire.PONG, ping))
        if batch.stamps:
            if batch.first != self.next:
                raise BenchError(f"a client got message {batch.first} where {self.next} was due")
            self.next += len(batch.stamps)
        return batch


class Opening:
    """A connection on its way: TCP, then the handshake, then the greeting.

    Args:
        target: where to.
    """

    def __init__(self, target: Target) -> None:
        family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(0)
        self.address: tuple[int, int] | None = None
        self._target = target
        self._key = base64.b64encode(os.urandom(16))
        self._received = b""
        self._upgraded = False
        with suppress(BlockingIOError):
            self.sock.connect((target.host, target.port))

    def connected(self) -> Client | None:
        """TCP stands, or has failed: ask for the upgrade.

        Returns:
            The client, if that was all there is to do.

        Raises:
            BenchError: the connection was refused.
        """
        if error := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise BenchError(f"no connection to {self._target.authority}: {os.strerror(error)}")
        if self._target.path is None:
            return Client(self.sock, b"")
        # A fresh socket's buffer takes so few bytes at once.
        self.sock.send(wire.upgrade_request(self._target.authority, self._target.path, self._key))
        return None

    def readable(self) -> Client | None:
        """Take in an answer.

        Returns:
            The client, once it is open.

        Raises:
            BenchError: the server hung up or answered something else.
        """
        try:
            data = self.sock.recv(_RECV_BYTES)
        except ConnectionError as error:
            raise BenchError(f"the server dropped a handshake: {error}") from None
        if not data:
            raise BenchError(f"the server dropped a handshake after {self._received[:80]!r}")
        self._received += data
        return Client(self.sock, self._received) if self._upgrade() and self._greet() else None

    def _upgrade(self) -> bool:
        if not self._upgraded:
            head, empty_line, rest = self._received.partition(b"\r\n\r\n")
            if not empty_line:
                return False
            wire.check_upgrade(head, self._key)
            self._received, self._upgraded = rest, True
        return True

    def _greet(self) -> bool:
        if self._target.greeting:
            frame = wire.take_frame(self._received)
            if frame is None:
                return False
            _, payload, end = frame
            self.address = wire.parse_greeting(payload)
            self._received = self._received[end:]
        return True
