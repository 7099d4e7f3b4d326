"""Many WebSocket clients in a process of their own, as cheap as Python allows.

A test that reads for a thousand clients in its own process measures itself. Here one epoll loop
receives into one buffer, and only every so many clients are looked at: how long messages, which
begin with the time at which they were sent, were on their way. Of the others the bytes are counted.

:class:`Crowd` is the test's side; this module, run as a program, is the other, which takes commands
as JSON, one a line.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
STAMP = 20
"""Digits of the time, in ns, at which a message was sent."""

EVERY = 20
"""One client of so many is looked at, where a test does not say how many."""

IP_BIND_ADDRESS_NO_PORT = 24
"""Of Linux, <linux/in.h>; Python has no name for it yet."""

GREETED = b" connected\n"
HANDSHAKE = (
    b"GET /%b HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


def stamped(size: int) -> str:
    """Return a message of that many characters, sent now."""
    return f"{time.monotonic_ns():0{STAMP}d}".ljust(size, "x")


def frame_bytes(size: int) -> int:
    """Return how long the frame of a message of that size is, :rfc:`6455#section-5.2`."""
    return size + (2 if size < 126 else 4 if size < 0x10000 else 10)


class Crowd:
    """Clients in a process of their own; :meth:`close` ends it.

    Args:
        host: where they connect.
        port: the same.
        source: the address that they have. One has some 14,000 ports for one server: beyond that
            the kernel searches long for another.
    """

    def __init__(self, host: str, port: int, source: str = "127.0.0.1") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.crowd", host, str(port), source],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def open(
        self,
        count: int,
        *,
        at_once: int = 100,
        query: str = "",
        returning: bool = False,
        every: int = EVERY,
    ) -> float:
        """Let clients come; return how many seconds it took until all were greeted.

        Args:
            count: how many.
            at_once: so many may be on their way.
            query: what follows the path, such as ``?token=…``.
            returning: a client that is dropped comes back at once, and again until it is greeted;
                it is not looked at any more.
            every: one of so many is looked at.
        """
        answer = self._ask(
            do="open", count=count, at_once=at_once, query=query, returning=returning, every=every
        )
        return float(answer["seconds"])

    def mark(self) -> None:
        """Count bytes, and take times of what is sent from now on."""
        self._ask(do="mark")

    def report(self) -> dict[str, Any]:
        """Return what has come since :meth:`mark`.

        It has ``clients`` that are there, and how many are ``opening``; how often one was ``lost``
        after its greeting and ``refused`` before; the ``least`` and the ``most`` bytes that one has
        got; and, in seconds, the ``waits`` of messages at clients that are looked at, the
        ``workers`` of these, and how long each that was lost was ``away``.
        """
        return self._ask(do="report")

    def close(self) -> None:
        """Drop all clients, and end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, **command: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the crowd's process has ended"
        return dict(json.loads(answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """One client, from its connect on.

    Args:
        loop: what it is of.
        looked_at: whether its messages are.
        lost_at: when it was lost, where it comes back.
    """

    __slots__ = ("got", "looked_at", "loop", "lost_at", "open", "rest", "socket", "worker")

    def __init__(self, loop: "Loop", *, looked_at: bool, lost_at: float | None) -> None:
        self.loop = loop
        self.looked_at = looked_at
        self.lost_at = lost_at
        self.open = False
        self.got = 0
        self.rest = b""
        self.worker = ""
        self.socket = socket.socket()
        self.socket.settimeout(0)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        self.socket.bind((loop.source, 0))
        with suppress(BlockingIOError):
            self.socket.connect(loop.address)

    def greet(self) -> bool:
        """Send the handshake, where the connection stands; say whether that was tried."""
        try:
            self.socket.send(self.loop.handshake)
        except BlockingIOError:
            return False
        except OSError:  # it does no more, which is read too
            return True
        return True

    def receive(self, buffer: memoryview) -> bool:
        """Receive once; say whether the connection is there."""
        try:
            size = self.socket.recv_into(buffer)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not size:
            return False
        if not self.open:
            self._open(self.rest + buffer[:size])
        elif self.looked_at:
            self.got += size
            self._look(self.rest + buffer[:size])
        else:
            self.got += size
        return True

    def _open(self, data: bytes) -> None:
        head, greeted, self.rest = data.partition(GREETED)
        if greeted:
            self.open = True
            _, _, greeting = head.rpartition(b"workerID:")
            self.worker = greeting.partition(b" ")[0].decode()
            self.got = len(self.rest)
            self.loop.opened(self)
        else:
            self.rest = head

    def _look(self, data: bytes) -> None:
        now, at = time.monotonic_ns(), 0
        while len(data) >= at + 10:
            size, head = data[at + 1], 2
            if size == 126:
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127:
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if len(data) < at + head + size:
                break
            stamp = data[at + head : at + head + STAMP]
            if stamp.isdigit():
                self.loop.waited(self, int(stamp), now)
            at += head + size
        self.rest = data[at:]


class Loop:
    """All clients of this process.

    Args:
        address: where they connect.
        source: the address that they have.
    """

    def __init__(self, address: tuple[str, int], source: str) -> None:
        self.address = address
        self.source = source
        self.handshake = HANDSHAKE % b""
        self._marked = 0
        self._waits: list[float] = []
        self._workers: list[str] = []
        self._away: list[float] = []
        self._lost = self._refused = 0
        self._buffer = memoryview(bytearray(1 << 20))
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._opening = 0
        self._count = 0
        self._returning = False

    def run(self) -> None:
        """Do what stdin says, until it ends."""
        commands = sys.stdin.fileno()
        self._epoll.register(commands, select.EPOLLIN)
        rest = b""
        while True:
            if commands in self._turn():
                data = os.read(commands, 65536)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    answer = self._obey(**json.loads(line))
                    sys.stdout.write(json.dumps(answer) + "\n")
                    sys.stdout.flush()

    def opened(self, client: Client) -> None:
        """Be told that one has been greeted."""
        self._opening -= 1
        if client.lost_at is not None:
            self._away.append(time.monotonic() - client.lost_at)

    def waited(self, client: Client, sent: int, came: int) -> None:
        """Be told when a message was sent and when it came, in ns."""
        if sent >= self._marked:
            self._waits.append((came - sent) / 1e9)
            self._workers.append(client.worker)

    def _obey(self, do: str, **arguments: Any) -> dict[str, Any]:
        if do == "open":
            return {"seconds": self._open(**arguments)}
        if do == "mark":
            self._mark()
            return {}
        got = [client.got for client in self._clients.values()]
        return {
            "clients": len(got) - self._opening,
            "opening": self._opening,
            "lost": self._lost,
            "refused": self._refused,
            "least": min(got, default=0),
            "most": max(got, default=0),
            "waits": self._waits,
            "workers": self._workers,
            "away": self._away,
        }

    def _mark(self) -> None:
        self._marked = time.monotonic_ns()
        self._waits.clear()
        self._workers.clear()
        self._away.clear()
        self._lost = self._refused = 0
        for client in self._clients.values():
            client.got = 0

    def _open(self, count: int, at_once: int, query: str, *, returning: bool, every: int) -> float:
        self.handshake = HANDSHAKE % query.encode()
        self._returning = returning
        began = time.monotonic()
        while count or self._opening:
            for _ in range(min(count, at_once - self._opening)):
                self._come(looked_at=self._count % every == 0)
                self._count += 1
                count -= 1
            self._turn()
        return time.monotonic() - began

    def _come(self, *, looked_at: bool = False, lost_at: float | None = None) -> None:
        client = Client(self, looked_at=looked_at, lost_at=lost_at)
        self._clients[client.socket.fileno()] = client
        # At once where it can, as clients do that have a process of their own.
        self._epoll.register(client.socket, select.EPOLLIN if client.greet() else select.EPOLLOUT)
        self._opening += 1

    def _turn(self) -> Iterable[int]:
        """Serve who is ready; return which descriptors are no clients'."""
        others = []
        for descriptor, event in self._epoll.poll():
            client = self._clients.get(descriptor)
            if client is None:
                others.append(descriptor)
            elif event == select.EPOLLOUT:
                client.greet()
                self._epoll.modify(descriptor, select.EPOLLIN)
            elif not client.receive(self._buffer):
                self._lose(descriptor, client)
        return others

    def _lose(self, descriptor: int, client: Client) -> None:
        del self._clients[descriptor]
        client.socket.close()
        if client.open:
            self._lost += 1
            client.lost_at = time.monotonic()
        else:
            self._refused += 1
            self._opening -= 1
        if self._returning:
            self._come(lost_at=client.lost_at)


if __name__ == "__main__":
    Loop((sys.argv[1], int(sys.argv[2])), sys.argv[3]).run()
