"""Publishes by HTTP over one connection, one request at a time or several in flight."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from types import TracebackType

import wire
from deadline import BenchError, Deadline


@dataclass(frozen=True, slots=True)
class PublishURL:
    """A URL that ends where a message's content begins."""

    host: str
    """A numeric loopback address."""
    port: int
    request_target: str
    """Path and query, such as ``/?content=``."""


class Publisher:
    """One keep-alive connection to the publisher.

    Args:
        url: where to publish.
        size: bytes in each message.
        deadline: when to give up.
    """

    def __init__(self, url: PublishURL, size: int, deadline: Deadline) -> None:
        self._host = f"[{url.host}]:{url.port}" if ":" in url.host else f"{url.host}:{url.port}"
        self._target = url.request_target
        self._size = size
        self._deadline = deadline
        timeout = deadline.left("a connection to the publisher")
        try:
            self._sock = socket.create_connection((url.host, url.port), timeout)
        except OSError as error:
            raise BenchError(f"no connection to the publisher at {self._host}: {error}") from None
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._sock.makefile("rb")

    def __enter__(self) -> Publisher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._answers.close()
        self._sock.close()

    def publish(self, number: int) -> None:
        """Publish one message and read the answer.

        Args:
            number: the message's number.
        """
        self._send(number)
        self._read_answer()

    def publish_many(self, numbers: range, in_flight: int) -> None:
        """Publish messages as fast as they are answered.

        Args:
            numbers: the messages' numbers.
            in_flight: how many requests may be unanswered at a time.
        """
        unanswered = 0
        for number in numbers:
            if unanswered == in_flight:
                self._read_answer()
                unanswered -= 1
            self._send(number)
            unanswered += 1
        for _ in range(unanswered):
            self._read_answer()

    def _send(self, number: int) -> None:
        self._sock.settimeout(self._deadline.left("the publisher to take a request"))
        content = wire.message(number, self._size).decode()
        request = f"GET {self._target}{content} HTTP/1.1\r\nHost: {self._host}\r\n\r\n"
        try:
            self._sock.sendall(request.encode())
        except OSError as error:
            raise BenchError(f"the publisher took no request: {error}") from None

    def _read_answer(self) -> None:
        self._sock.settimeout(self._deadline.left("the publisher's answer"))
        try:
            status = self._answers.readline()
            length = self._read_headers()
            body = self._read_chunks() if length is None else self._answers.read(length)
        except OSError as error:
            raise BenchError(f"the publisher gave no answer: {error}") from None
        if not status:
            raise BenchError("the publisher hung up")
        if not re.match(rb"HTTP/1\.1 2\d\d\b", status):
            raise BenchError(f"the publisher answered {status!r} {body[:200]!r}")

    def _read_headers(self) -> int | None:
        length: int | None = 0
        while (line := self._answers.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"transfer-encoding":
                length = None
        return length

    def _read_chunks(self) -> bytes:
        body = b""
        while size := int(self._answers.readline().partition(b";")[0] or b"0", 16):
            body += self._answers.read(size)
            self._answers.readline()
        self._read_headers()
        return body
