"""Starts the three roles as processes on free loopback ports, and ends them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from connection import Target
from deadline import BenchError, Deadline
from publish import PublishURL

_REPOSITORY = Path(__file__).resolve().parent.parent
_LOOPBACK = "127.0.0.1"
_TWISTD = "from twisted.scripts.twistd import run; run()"
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05
_LOG_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Server:
    """What is measured."""

    target: Target
    publish: PublishURL
    roots: dict[str, int] = field(default_factory=dict)
    """Ids by name of the processes to account; their children count with them."""


@contextmanager
def cluster(workers: int, cpus: Sequence[int], deadline: Deadline) -> Iterator[Server]:
    """Run channel, pusher and publisher, as new processes.

    Args:
        workers: worker processes of the pusher.
        cpus: where channel, pusher and publisher are pinned.
        deadline: when to give up.

    Yields:
        The cluster, once it says that it is healthy.

    Raises:
        BenchError: it did not start, or the caller's own; each role's last words go to stderr.
    """
    channel, ws, web = _free_ports(3)
    link = f"--channel=tcp:{_LOOPBACK}:{channel}"
    arguments = {
        "channel": ["tpush-channel", _listen(channel)],
        "ws": ["tpush-ws", _listen(ws), link, f"--workers={workers}"],
        "http": ["tpush-http", _listen(web), link, "--workers=1"],
    }
    with tempfile.TemporaryDirectory(prefix="fanout-") as logs:
        running: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for (name, argument), cpu in zip(arguments.items(), cpus, strict=True):
                running[name] = _start(argument, cpu, Path(logs, name))
            _await_start(ws, web, running, deadline)
            yield Server(
                Target(_LOOPBACK, ws, path="/", greeting=True),
                PublishURL(_LOOPBACK, web, "/?content="),
                {name: process.pid for name, process in running.items()},
            )
        except BenchError:
            _show_logs(Path(logs))
            raise
        finally:
            _stop(running.values())


def _listen(port: int) -> str:
    return f"--listen=tcp:{port}:interface={_LOOPBACK}"


def _free_ports(count: int) -> list[int]:
    # All are held before one is given back, or the kernel might name one twice.
    held = [socket.create_server((_LOOPBACK, 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in held]
    for sock in held:
        sock.close()
    return ports


def _start(arguments: Sequence[str], cpu: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _TWISTD, "-n", "--pidfile=", *arguments],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its workers are in its group, so that none survives it.
            start_new_session=True,
        )
    # It is still loading Python: the threads and workers to come inherit this.
    os.sched_setaffinity(process.pid, {cpu})
    return process


def _await_start(
    ws: int, web: int, running: dict[str, subprocess.Popen[bytes]], deadline: Deadline
) -> None:
    # The publisher's health says nothing about a pusher that was not there yet.
    while not (_listens(ws) and _healthy(web, deadline)):
        for name, process in running.items():
            if process.poll() is not None:
                raise BenchError(f"{name} ended at its start with status {process.returncode}")
        time.sleep(_POLL_SECONDS)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((_LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _healthy(port: int, deadline: Deadline) -> bool:
    timeout = min(2.0, deadline.left("GET /health to answer 200"))
    connection = http.client.HTTPConnection(_LOOPBACK, port, timeout=timeout)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _show_logs(logs: Path) -> None:
    for log in sorted(logs.iterdir()):
        tail = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace")
        print(f"--- {log.name}, the end of its log:\n{tail}", file=sys.stderr)


def _stop(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    until = time.monotonic() + _STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        # What is left of its group: workers that did not follow it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
