"""Many WebSocket clients in one process, as cheap as Python allows.

One epoll loop, one ``recv`` for each readable socket. Every client checks that it gets each
message once and in order.
"""

from __future__ import annotations

import select
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wire
from connection import Client, Opening, Target
from deadline import BenchError, Deadline

if TYPE_CHECKING:
    from child import Pipe

LATENCY_STEP_NS = 10_000
"""Latencies are counted in steps of 10 microseconds: millions of them then fit in a small table."""

_QUIET_SECONDS = 0.2
_CLOSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Open:
    """Command: connect this many clients. The reply is the seconds that it took."""

    target: Target
    count: int
    at_once: int
    """How many may be on their way at a time."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Command: tell the addresses, worker and connection, that clients were greeted with."""


@dataclass(frozen=True, slots=True)
class AwaitProbe:
    """Command: wait until a probe has reached each client. The reply is the clock (ns)."""


@dataclass(frozen=True, slots=True)
class Receive:
    """Command: so many times, wait until each client has got so many more messages.

    Each time is answered with the clock (ns) when the last client had them; in the end follows
    a Counter of latencies in units of ``LATENCY_STEP_NS``.
    """

    times: int
    messages: int


class Crowd:
    """All clients of one process.

    Args:
        deadline: when to give up.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self.addresses: set[tuple[int, int]] = set()
        """Worker and connection, as clients were greeted."""
        self._received = 0

    def open(self, command: Open) -> float:
        """Connect clients.

        Args:
            command: where to and how many.

        Returns:
            Seconds from the first connect to the last greeting.
        """
        started = time.monotonic()
        openings: dict[int, Opening] = {}
        to_start = command.count
        while to_start or openings:
            for _ in range(min(to_start, command.at_once - len(openings))):
                opening = Opening(command.target)
                openings[opening.sock.fileno()] = opening
                self._epoll.register(opening.sock, select.EPOLLOUT)
                to_start -= 1
            waiting = f"{len(openings)} handshakes, {to_start} more not yet started"
            for fd, event in self._ready(waiting):
                # A client that is open already may get a probe or a ping meanwhile.
                if fd not in openings:
                    self._clients[fd].read()
                elif self._advance(openings[fd], event):
                    del openings[fd]
        return time.monotonic() - started

    def _advance(self, opening: Opening, event: int) -> bool:
        if event & select.EPOLLIN:
            client = opening.readable()
        else:
            client = opening.connected()
            self._epoll.modify(opening.sock, select.EPOLLIN)
        if client is None:
            return False
        self._admit(client, opening.address)
        return True

    def _admit(self, client: Client, address: tuple[int, int] | None) -> None:
        if address in self.addresses:
            raise BenchError(f"two connections were greeted with the address {address}")
        if address is not None:
            self.addresses.add(address)
        self._clients[client.sock.fileno()] = client

    def await_probe(self) -> None:
        """Wait until a probe has reached each client.

        Raises:
            BenchError: that did not happen in time.
        """
        waiting = set(self._clients)
        while waiting:
            for fd, _ in self._ready(f"a first message at {len(waiting)} clients"):
                if self._clients[fd].read().probes:
                    waiting.discard(fd)

    def receive(self, messages: int, latencies: Counter[int]) -> None:
        """Wait until each client has got this many more messages.

        Args:
            messages: how many.
            latencies: where to count their ages.

        Raises:
            BenchError: the time was up before that.
        """
        due = self._received + messages + 1
        missing = len(self._clients)
        while missing:
            for fd, _ in self._ready(f"message {due - 1} at {missing} clients"):
                client = self._clients[fd]
                batch = client.read()
                if batch.stamps:
                    now = time.monotonic_ns()
                    for stamp in batch.stamps:
                        latencies[(now - stamp) // LATENCY_STEP_NS] += 1
                    missing -= client.next == due
        self._received += messages

    def expect_silence(self) -> None:
        """Watch for a moment that no message comes twice or unpublished.

        Raises:
            BenchError: one did.
        """
        until = time.monotonic() + _QUIET_SECONDS
        while (left := until - time.monotonic()) > 0:
            for fd, _ in self._epoll.poll(left):
                batch = self._clients[fd].read()
                if batch.stamps:
                    raise BenchError(f"message {batch.first} came though it was not published")

    def close(self) -> None:
        """Say goodbye on each connection, and wait a little for the server to answer."""
        goodbye = wire.client_frame(wire.CLOSE, (1000).to_bytes(2, "big"))
        for client in self._clients.values():
            with suppress(OSError):
                client.sock.send(goodbye)
        until = time.monotonic() + _CLOSE_SECONDS
        for client in self._clients.values():
            client.sock.settimeout(max(0.001, until - time.monotonic()))
            with suppress(OSError):
                while client.sock.recv(4096):
                    pass
            client.sock.close()
        self._epoll.close()

    def _ready(self, waiting_for: str) -> list[tuple[int, int]]:
        return self._epoll.poll(self._deadline.left(waiting_for))


def read(pipe: Pipe, deadline: Deadline) -> None:
    """Obey commands until the pipe closes: what a `Child` runs.

    Args:
        pipe: where commands come from.
        deadline: when to give up.
    """
    crowd = Crowd(deadline)
    try:
        while True:
            command = pipe.recv()
            if isinstance(command, Open):
                pipe.send(crowd.open(command))
            elif isinstance(command, Addresses):
                pipe.send(sorted(crowd.addresses))
            elif isinstance(command, AwaitProbe):
                crowd.await_probe()
                pipe.send(time.monotonic_ns())
            elif isinstance(command, Receive):
                pipe.send(_receive(pipe, crowd, command))
    except (EOFError, ConnectionError):
        crowd.close()


def _receive(pipe: Pipe, crowd: Crowd, command: Receive) -> Counter[int]:
    latencies: Counter[int] = Counter()
    for _ in range(command.times):
        crowd.receive(command.messages, latencies)
        pipe.send(time.monotonic_ns())
    crowd.expect_silence()
    return latencies
