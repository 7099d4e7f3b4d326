"""What does it cost to push one message to many clients?

``python bench/fanout.py`` starts the three roles on free loopback ports, all on one CPU, and
loads them from another: WebSocket connections that only read, and one HTTP connection that
publishes. It prints

* connects/s: from the first handshake's start to the last greeting, ``--at-once`` on their way;
* KB a connection: by how much the server processes' memory grew, user space only. A few
  connections are opened before the first look and stay until the second, so that neither
  modules imported late nor memory they would leave behind falsifies it;
* `round`: publish one message, wait until every client has it, again and again;
* `burst`: publish as fast as the publisher answers, until every client has everything;
* for both: messages delivered per second, CPU time of all server processes for one message to
  one client, and how old a message was when a client had read it, counted from the moment the
  request was sent;
* the yardstick, taken in the same run, before and after the rest: a bare ``send()`` of the same
  bytes to as many sockets. It is a loop in Python here, a little above the same in C.

Microseconds drift between machines, and from minute to minute on one: trust the ratios.
Each client checks that it got every message once and in order; if one did not, the run has no
result and the exit status is 1.

Another server is measured with ``--publish-url``, ``--host``, ``--port`` and ``--pid``; where
it is pinned is then up to whoever started it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import FrameType
from typing import NoReturn

import options as command_line
import processes
import report
from child import Child
from clients import AwaitProbe, Open, Receive, read
from connection import Target
from deadline import BenchError, Deadline
from options import Options
from publish import Publisher
from roles import Server, cluster
from wire import PROBE
from yardstick import bare_send_us

_PROBE_SECONDS = 0.25
# Long enough for what follows an event: an acknowledgement, a buffer given back.
_SETTLE_SECONDS = 0.5
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def server_of(options: Options, deadline: Deadline) -> AbstractContextManager[Server]:
    """What to measure: roles of our own, or the server that was named.

    Args:
        options: the command line.
        deadline: when to give up.
    """
    if options.publish_url is None or options.port is None:
        cpus = options.role_cpus or [options.server_cpu] * 3
        return cluster(options.workers, cpus, deadline)
    target = Target(options.host, options.port, options.path, options.greeting)
    roots = {f"pid {pid}": pid for pid in options.pid}
    return nullcontext(Server(target, options.publish_url, roots))


class Measurement:
    """Connects to one server, publishes, and takes the figures.

    Args:
        options: the command line.
        server: what to measure.
        deadline: when to give up.
    """

    def __init__(self, options: Options, server: Server, deadline: Deadline) -> None:
        self._options = options
        self._server = server
        self._deadline = deadline

    def take(self) -> report.Figures:
        """All figures of a run, the yardstick's from before and after the others."""
        options, url = self._options, self._server.publish
        numbers = range(1, options.rounds + 1)
        more = range(numbers.stop, numbers.stop + options.burst)
        bare_us = self._bare_send_us()
        with self._crowd() as crowd, Publisher(url, options.bytes, self._deadline) as publisher:
            seconds, grown_kb = self._connect(crowd, publisher)
            self._probe(crowd, publisher)
            one_by_one = [partial(publisher.publish, number) for number in numbers]
            round_ = self._phase(crowd, one_by_one, messages=1)
            at_once = [partial(publisher.publish_many, more, options.in_flight)]
            burst = self._phase(crowd, at_once, messages=options.burst)
        return report.Figures(
            options.connections / seconds,
            grown_kb / options.connections if self._server.roots else None,
            (bare_us + self._bare_send_us()) / 2,
            round_,
            burst,
        )

    def _bare_send_us(self) -> float:
        options = self._options
        return bare_send_us(
            connections=options.connections,
            rounds=options.rounds,
            size=options.bytes,
            server_cpu=options.role_cpus[1] if options.role_cpus else options.server_cpu,
            client_cpu=options.client_cpu,
            limit=self._deadline,
        )

    def _crowd(self) -> Child:
        return Child(read, self._options.client_cpu, self._deadline)

    def _connect(self, crowd: Child, publisher: Publisher) -> tuple[float, int]:
        """Connect all clients; returns the seconds and the KiB that the server grew by."""
        options, roots = self._options, self._server.roots
        with self._crowd() as warm_up:
            self._open(warm_up, options.warm_up)
            self._probe(warm_up, publisher)
            time.sleep(_SETTLE_SECONDS)
            before = processes.memory_kb(roots)
            seconds = self._open(crowd, options.connections)
            time.sleep(_SETTLE_SECONDS)
            return seconds, processes.memory_kb(roots) - before

    def _open(self, crowd: Child, count: int) -> float:
        crowd.send(Open(self._server.target, count, self._options.at_once))
        return crowd.receive(float)

    def _probe(self, crowd: Child, publisher: Publisher) -> None:
        """Publish until something reaches everyone: a worker may greet before it has a channel."""
        crowd.send(AwaitProbe())
        publisher.publish(PROBE)
        while not crowd.replied(_PROBE_SECONDS):
            publisher.publish(PROBE)
        crowd.receive(int)

    def _phase(
        self, crowd: Child, steps: Sequence[Callable[[], None]], messages: int
    ) -> report.Phase:
        """Take publishing steps, waiting after each until all clients have its messages."""
        before = processes.cpu_ns(self._server.roots)
        crowd.send(Receive(len(steps), messages))
        started = finished = time.monotonic_ns()
        for publish in steps:
            publish()
            finished = crowd.receive(int)
        latencies: Counter[int] = crowd.receive(Counter)
        after = processes.cpu_ns(self._server.roots)
        deliveries = len(steps) * messages * self._options.connections
        cpu_us = {name: (after[name] - before[name]) / deliveries / 1000 for name in after}
        return report.phase(deliveries, finished - started, cpu_us, latencies)


def measure(options: Options, *, first: bool) -> report.Figures:
    """One run, of roles started for it or of the server that was named.

    Args:
        options: the command line.
        first: whether the server has not been measured before.
    """
    deadline = Deadline(options.limit)
    with server_of(options, deadline) as server:
        figures = Measurement(options, server, deadline).take()
    if not first and options.publish_url is not None:
        # It takes the memory that the run before gave back.
        return dataclasses.replace(figures, kb_per_connection=None)
    return figures


def show(options: Options, runs: Sequence[report.Figures]) -> None:
    """Print what was found.

    Args:
        options: the command line.
        runs: each run's figures.
    """
    median = report.median(runs)
    if options.json:
        found = {
            "options": dataclasses.asdict(options),
            "machine": {"python": platform.python_version(), "system": platform.platform()},
            "runs": [report.as_dict(run) for run in runs],
            "median": report.as_dict(median),
        }
        print(json.dumps(found, indent=2))
        return
    print(f"{options.connections} connections, messages of {options.bytes} bytes")
    if len(runs) > 1:
        for number, run in enumerate(runs, 1):
            print(f"\nrun {number}\n{report.as_text(run)}")
        print(f"\nmedians of {len(runs)} runs")
    print(report.as_text(median))


def _stop(number: int, _: FrameType | None) -> NoReturn:
    # What was started is ended on the way out; a second Ctrl-C must not cut that short.
    for other in _STOP_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Measure as often as told.

    Args:
        arguments: the command line without the program's name.

    Returns:
        The exit status: 0, or 1 if a run had no result.
    """
    options = command_line.parse(arguments)
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        os.sched_setaffinity(0, {options.client_cpu})
        show(options, [measure(options, first=number == 0) for number in range(options.runs)])
    except BenchError as error:
        print(f"fanout: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
