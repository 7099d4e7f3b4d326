"""Roles as real processes, and waiting for what they do.

Everything waits for a condition with a deadline, never for a time; every process that is started
ends with its test.
"""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import requests
from websockets.sync.client import connect

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
LATE = ("--max-lag", "30")
"""For publishers that are to refuse nothing, however busy the machine is."""

PATIENT = ("--receipt-timeout", "8")
"""For publishers whose receipts are to be complete, however busy the machine is."""

SETTLING = ("--settle", "5")
"""For channels that are started again: each worker is to be back in time. It may wait for 1.4 s
before it tries, and by default there are 2 s."""

DEADLINE = 60.0
"""Seconds for what has to happen: on a busy machine a worker took eight to start, and four of them
are started one after the other here."""

TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()"]
"""`twistd` of the interpreter that runs the tests, whatever is on PATH."""

Result = TypeVar("Result")


def eventually(condition: Callable[[], Result], what: str, deadline: float = DEADLINE) -> Result:
    """Return what *condition* returns, once it is true.

    Raises:
        AssertionError: it was not within *deadline* seconds.
    """
    until = time.monotonic() + deadline
    while not (result := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {deadline:g} s: {what}")
        time.sleep(0.02)
    return result


def tell(text: str) -> None:
    """Print a figure that a run has measured: it stands in the log of the tests."""
    print(text)  # noqa: T201 - that is what it is for


def accepts(host: str, port: int) -> bool:
    """Say whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def children(pid: int) -> list[int]:
    """List the child processes of a process."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in text.split()]


def alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def kill(pid: int) -> None:
    """Kill a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Role:
    """One `twistd` process.

    Args:
        arguments: after ``twistd -n``: the role and its options.
        environ: variables on top of this process's own.
        cwd: where it runs; a new folder by default.
        daemon: let it go into the background.
        path: folders to import from before any other.
        descriptors: how many it may have open; by default as many as this process.
        file_bytes: how large the files may become that it writes; by default any size.
        output: what its output and its errors go to, instead of :attr:`log`.
    """

    def __init__(
        self,
        *arguments: str,
        environ: dict[str, str] | None = None,
        cwd: Path | None = None,
        daemon: bool = False,
        path: Sequence[Path] = (),
        descriptors: int = 0,
        file_bytes: int = 0,
        output: Path | None = None,
    ) -> None:
        self._limits = {resource.RLIMIT_NOFILE: descriptors, resource.RLIMIT_FSIZE: file_bytes}
        self._mode = [] if daemon else ["-n"]
        self.folder = cwd or Path(tempfile.mkdtemp(prefix="tpush-test-"))
        if cwd is None:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self._arguments = arguments
        clean = {name: v for name, v in os.environ.items() if not name.startswith("TPUSH_")}
        folders = os.pathsep.join(map(str, (*path, ROOT)))
        self._environ = {**clean, "PYTHONPATH": folders, **(environ or {})}
        self._log = output or Path(tempfile.mkdtemp(dir=self.folder)) / f"{arguments[0]}.out"
        self.start()

    def start(self) -> None:
        """Start it, once more where it has ended."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*TWISTD, *self._mode, *self._arguments],
                cwd=self.folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._prepare,
            )

    def _prepare(self) -> None:
        # A shell lets what it puts into the background ignore Ctrl-C, for good.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for limit, value in self._limits.items():
            if value:
                resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text(errors="replace")

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return children(self.process.pid)

    def wait_for(self, pattern: str, count: int = 1, deadline: float = DEADLINE) -> None:
        """Wait until its log has *pattern* that often.

        Raises:
            AssertionError: it had not within *deadline* seconds.
        """
        try:
            eventually(
                lambda: len(re.findall(pattern, self.log)) >= count,
                f"{pattern!r} in the log of {self._arguments[0]}",
                deadline,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}; it says:\n{self.log}") from None

    def kill(self) -> None:
        """Kill it outright."""
        self.process.kill()
        self.process.wait(DEADLINE)

    def stop(self, how: signal.Signals = signal.SIGTERM, deadline: float = DEADLINE) -> int:
        """End it in good order; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(deadline)
        finally:
            if self.process.poll() is None:
                self.kill()


class Cluster:
    """A channel, pushers and publishers, each on a loopback address of its own.

    Args:
        pushers: how many hosts hold connections.
        workers: worker processes on each.
        publishers: how many take requests.
        channel_options: further options of the channel.
        pusher_options: the same of the pushers.
        publisher_options: the same of the publishers.
        channel_port: where the channel listens; 0 is any.
        channel_seen_at: where the roles look for it, if that is elsewhere.
    """

    def __init__(
        self,
        pushers: int = 1,
        workers: int = 1,
        publishers: int = 1,
        channel_options: Sequence[str] = (),
        pusher_options: Sequence[str] = (),
        publisher_options: Sequence[str] = (),
        channel_port: int = 0,
        channel_seen_at: int = 0,
    ) -> None:
        self.channel_port = channel_port or free_port()
        self.channel = Role(
            "tpush-channel",
            *("--listen", f"tcp:{self.channel_port}:interface=127.0.0.1"),
            *channel_options,
        )
        where = f"tcp:127.0.0.1:{channel_seen_at or self.channel_port}"
        self.workers = workers
        self.pusher_hosts = [f"127.0.0.{number}" for number in range(2, 2 + pushers)]
        self.pusher_ports = [free_port(host) for host in self.pusher_hosts]
        self.pushers = [
            Role(
                "tpush-ws",
                *("--listen", f"tcp:{port}:interface={host}"),
                *("--channel", where, "--workers", str(workers)),
                *pusher_options,
            )
            for host, port in zip(self.pusher_hosts, self.pusher_ports, strict=True)
        ]
        self.publisher_ports = [free_port() for _ in range(publishers)]
        self.publishers = [
            Role(
                "tpush-http",
                *("--listen", f"tcp:{port}:interface=127.0.0.1", "--channel", where),
                *LATE,
                *publisher_options,
            )
            for port in self.publisher_ports
        ]

    @property
    def roles(self) -> list[Role]:
        """All roles, in the order in which they are best stopped."""
        return [*self.publishers, *self.pushers, self.channel]

    @property
    def ws_urls(self) -> list[str]:
        """Where browsers connect, one URL a host."""
        pairs = zip(self.pusher_hosts, self.pusher_ports, strict=True)
        return [f"ws://{host}:{port}/" for host, port in pairs]

    @property
    def http_urls(self) -> list[str]:
        """Where back ends publish, one URL a publisher."""
        return [f"http://127.0.0.1:{port}/" for port in self.publisher_ports]

    def wait_until_ready(self) -> None:
        """Wait until every role is attached, and the channel has settled."""
        for pusher in self.pushers:
            pusher.wait_for("connected to the channel", self.workers)
        for url in self.http_urls:
            eventually(partial(healthy, url), f"{url} is healthy")
        with connect(self.ws_urls[0], open_timeout=DEADLINE) as client:
            worker, number = re.findall(r"\d+", str(client.recv(DEADLINE)))
            # To it alone: a worker that is late would bring everybody's to a client of the test.
            fields = {"content": "settled", "to_worker_id": worker, "to_connection_id": number}
            eventually(lambda: accepted(self.http_urls[0], **fields), "it is accepted")
            client.recv(DEADLINE)

    def wait_until_joined(self) -> None:
        """Wait until the channel knows the groups of all who have been greeted.

        Which nobody acknowledges; but what a worker answers comes after what it has asked for.
        """
        url = f"{self.http_urls[0]}v1/info"
        eventually(lambda: requests.get(url, timeout=DEADLINE).ok, "all workers have answered")

    def stop(self) -> list[int]:
        """End all roles, clients' first; return their exit statuses."""
        for role in self.roles:
            if role.process.poll() is None:
                role.process.terminate()
        return [role.stop() for role in self.roles]


def accepted(url: str, **fields: str) -> bool:
    """Publish; say whether that was accepted."""
    return requests.get(url, fields, timeout=DEADLINE).text == "ok"


def healthy(url: str) -> bool:
    """Say whether a publisher is up and has its channel."""
    try:
        return requests.get(url + "health", timeout=5).status_code == 200
    except requests.RequestException:  # nobody listens, or nobody answers yet
        return False
