"""What does a private message cost that came in a batch?

``python bench/batch.py`` starts the three roles on free loopback ports, all on one CPU, connects
clients from another, and publishes one message to each of them in turn by ``POST /v1/batch``, a
thousand a request. It prints for each role the CPU time of one message, and how many a second that
is with a core of its own; and, of the same run, the cost of a bare ``send()``, which the worker's
share cannot be below.

Each client checks that it got all of its messages once and in order.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import processes
import wire
from child import Child
from clients import Addresses, AwaitProbe, Open, Receive, read
from deadline import BenchError, Deadline
from publish import Publisher
from roles import Server, cluster
from yardstick import bare_send_us

CONNECTIONS = 100
IN_A_BATCH = 1_000
BYTES = 64
LIMIT = 300.0
PROBE_SECONDS = 0.25


def batches(addresses: Sequence[tuple[int, int]], count: int) -> Iterator[bytes]:
    """Yield the bodies of that many requests, made when they are asked for.

    Args:
        addresses: who gets one message after the other, in turn.
        count: how many.
    """
    number = 0
    for _ in range(count):
        orders = []
        for _ in range(IN_A_BATCH // len(addresses)):
            number += 1
            content = wire.message(number, BYTES).decode()
            orders += [{"to": {"connection": f"{w}:{c}"}, "content": content} for w, c in addresses]
        yield json.dumps(orders).encode()


def publish(server: Server, bodies: Iterator[bytes], deadline: Deadline) -> None:
    """Send batches, one after the other.

    Args:
        server: where to.
        bodies: of the requests.
        deadline: when to give up.

    Raises:
        BenchError: one was not taken as a whole.
    """
    url = server.publish
    timeout = deadline.left("a connection to the publisher")
    connection = http.client.HTTPConnection(url.host, url.port, timeout=timeout)
    for body in bodies:
        connection.request("POST", "/v1/batch", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200 or any(each != {"accepted": True} for each in said):
            raise BenchError(f"the publisher answered {answer.status} {str(said)[:200]}")
    connection.close()


def probe(crowd: Child, server: Server, deadline: Deadline) -> None:
    """Publish until something reaches everyone: a channel that has just started holds it."""
    crowd.send(AwaitProbe())
    with Publisher(server.publish, BYTES, deadline) as publisher:
        publisher.publish(wire.PROBE)
        while not crowd.replied(PROBE_SECONDS):
            publisher.publish(wire.PROBE)
    crowd.receive(int)


def measure(count: int, cpus: Sequence[int], client_cpu: int) -> None:
    """Measure once, and print the figures.

    Args:
        count: batches.
        cpus: of channel, pusher and publisher.
        client_cpu: of everything else.
    """
    deadline = Deadline(LIMIT)
    bare_us = bare_send_us(
        connections=CONNECTIONS,
        rounds=100,
        size=BYTES,
        server_cpu=cpus[1],
        client_cpu=client_cpu,
        limit=deadline,
    )
    with cluster(1, cpus, deadline) as server, Child(read, client_cpu, deadline) as crowd:
        crowd.send(Open(server.target, CONNECTIONS, at_once=50))
        crowd.receive(float)
        crowd.send(Addresses())
        addresses: list[tuple[int, int]] = crowd.receive(list)
        probe(crowd, server, deadline)
        messages = IN_A_BATCH // CONNECTIONS * count
        crowd.send(Receive(1, messages))
        before, began = processes.cpu_ns(server.roots), time.monotonic()
        publish(server, batches(addresses, count), deadline)
        crowd.receive(int)
        seconds, after = time.monotonic() - began, processes.cpu_ns(server.roots)
        crowd.receive(Counter)
    total = messages * CONNECTIONS
    print(f"{total} private messages of {BYTES} bytes, {IN_A_BATCH} a batch")
    print(f"  all together   {total / seconds:8.0f}/s, the client's share included")
    for name in after:
        us = (after[name] - before[name]) / total / 1000
        print(f"  {name:<12}{us:6.1f} us {1e6 / us:8.0f}/s with a core of its own")
    print(f"  bare send() {bare_us:6.1f} us")


def main(arguments: Sequence[str]) -> int:
    """Measure as often as told.

    Args:
        arguments: the command line without the program's name.

    Returns:
        The exit status: 0, or 1 if a run had no result.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batches", type=int, default=200, help="requests in a run")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    allowed = sorted(os.sched_getaffinity(0))
    client_cpu, roles = allowed[-1], allowed[:-1] or allowed
    cpus = [roles[number % len(roles)] for number in range(3)]
    os.sched_setaffinity(0, {client_cpu})
    try:
        for _ in range(options.runs):
            measure(options.batches, cpus, client_cpu)
    except BenchError as error:
        print(f"batch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
