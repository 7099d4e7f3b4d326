"""The yardstick: the same bytes to as many sockets by bare ``send()``, and nothing else.

What it costs is the kernel's share of a delivery, plus about half a microsecond for Python's
loop over the sockets' bound methods. A server that delivers each message by itself can't be
cheaper; one that joins several messages into one write can.
"""

from __future__ import annotations

import socket
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wire
from child import Child
from clients import Open, Receive, read
from connection import Target
from deadline import Deadline

if TYPE_CHECKING:
    from child import Pipe


@dataclass(frozen=True, slots=True)
class Send:
    """Command: send a message to each connection. The reply is the CPU time it took (ns)."""

    number: int
    size: int


def send(pipe: Pipe, deadline: Deadline) -> None:
    """Accept as many connections as told, then obey `Send`: what a `Child` runs.

    Args:
        pipe: where commands come from; the listening port goes there first.
        deadline: when to give up.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        listener.settimeout(deadline.left("a connection to the yardstick"))
        pipe.send(listener.getsockname()[1])
        sockets = [listener.accept()[0] for _ in range(pipe.recv())]
    for sock in sockets:
        # With a timeout, Python would poll() before each send().
        sock.settimeout(0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sends = [sock.send for sock in sockets]
    while True:
        command = pipe.recv()
        frame = wire.text_frame(wire.message(command.number, command.size))
        started = time.thread_time_ns()
        for send_to in sends:
            send_to(frame)
        pipe.send(time.thread_time_ns() - started)


def bare_send_us(
    *, connections: int, rounds: int, size: int, server_cpu: int, client_cpu: int, limit: Deadline
) -> float:
    """Measure the CPU time of one bare ``send()``, in microseconds.

    Args:
        connections: how many sockets a round goes to.
        rounds: how often to send one message to each and wait until all have it.
        size: the message's bytes.
        server_cpu: where the sender runs.
        client_cpu: where the readers run.
        limit: when to give up.
    """
    # The sender ends first: the readers wait for it to hang up.
    with Child(read, client_cpu, limit) as readers, Child(send, server_cpu, limit) as sender:
        target = Target("127.0.0.1", sender.receive(int), path=None, greeting=False)
        sender.send(connections)
        readers.send(Open(target, connections, at_once=50))
        readers.receive(float)
        readers.send(Receive(times=rounds, messages=1))
        spent = 0
        for number in range(1, rounds + 1):
            sender.send(Send(number, size))
            spent += sender.receive(int)
            readers.receive(int)
        readers.receive(Counter)
    return spent / (rounds * connections) / 1000
