"""With which status, and how soon, the roles end."""

import ctypes
import os
import signal
import socket
from contextlib import closing
from functools import partial

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.processes import Role, eventually, kill
from tests.integration.raw import RawClient
from tests.ports import free_port

PR_SET_CHILD_SUBREAPER = 36

LISTEN = {
    "tpush": "--listen-ws=tcp:{}:interface=127.0.0.1",
    "tpush-channel": "--listen=tcp:{}:interface=127.0.0.1",
    "tpush-ws": "--listen=tcp:{}:interface=127.0.0.1",
    "tpush-http": "--listen=tcp:{}:interface=127.0.0.1",
}
MORE: dict[str, list[list[str]]] = {
    "tpush": [["--listen-http=tcp:0:interface=127.0.0.1"]],
    "tpush-channel": [[]],
    "tpush-ws": [[], ["--workers=2"]],
    "tpush-http": [[], ["--workers=2"]],
}


class StatusTests(SynchronousTestCase):
    """Who waits for a role learns how it ended."""

    @override
    def setUp(self) -> None:
        self.ports: dict[Role, int] = {}

    def start(self, name: str, *more: str, daemon: bool = False) -> Role:
        self.port = free_port()
        role = Role(name, LISTEN[name].format(self.port), *more, daemon=daemon)
        self.ports[role] = self.port
        self.addCleanup(role.stop)
        if daemon:
            self.addCleanup(kill_by_file, role)
        return role

    def start_each(self, *, daemon: bool = False) -> list[Role]:
        pairs = [(name, more) for name, variants in MORE.items() for more in variants]
        roles = [self.start(name, *more, daemon=daemon) for name, more in pairs]
        for role in roles:
            eventually(partial(serves, self.ports[role]), "serves")
        return roles

    def test_sigterm(self) -> None:
        """SIGTERM ends each role with status 0, with workers too, and however often it comes."""
        for role in self.start_each():
            role.process.terminate()
            self.assertEqual(role.stop(deadline=10), 0)
            self.assertNotIn("Traceback", role.log)

    def test_sigint(self) -> None:
        """Ctrl-C ends each role as a shell expects: in good order, and by the signal."""
        for role in self.start_each():
            self.assertEqual(role.stop(signal.SIGINT, deadline=10), -signal.SIGINT)
            self.assertNotIn("Traceback", role.log)

    def test_impatience(self) -> None:
        """A second Ctrl-C does not wait for what the first one waits for."""
        role = self.start("tpush", *MORE["tpush"][0], "--drain-grace=60")
        eventually(partial(serves, self.port), "serves")
        role.process.send_signal(signal.SIGINT)
        role.wait_for("going away")
        self.assertEqual(role.stop(signal.SIGINT, deadline=5), -signal.SIGINT)

    def test_in_the_background(self) -> None:
        """The same holds without -n: status 0, and the pid file is gone."""
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)  # then what goes into the background is our child
        self.addCleanup(libc.prctl, PR_SET_CHILD_SUBREAPER, 0)
        for role in self.start_each(daemon=True):
            self.assertEqual(role.process.wait(30), 0)
            [file] = role.folder.glob("*.pid")
            pid = int(file.read_text())
            os.kill(pid, signal.SIGTERM)
            ended = eventually(partial(reap, pid), f"{file.name} has ended", 10)
            self.assertEqual(ended, (pid, 0))
            self.assertFalse(file.exists())

    def test_workers(self) -> None:
        """A worker that is told to end has status 0 too; its parent has started another by then."""
        role = self.start("tpush-ws", "--workers=2")
        role.wait_for("process . started", 2)
        os.kill(role.workers[0], signal.SIGTERM)
        role.wait_for("process . started", 3)
        role.wait_for(r"process . ended \(status 0\)")
        with closing(RawClient(self.port).open().socket):
            self.assertEqual(role.stop(deadline=10), 0)


def reap(pid: int) -> tuple[int, int] | None:
    """Return the id and the status of a child that has ended."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return (ended, status) if ended else None


def serves(port: int) -> bool:
    """Say whether a role answers, or hangs up: then its reactor runs, and takes signals."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
            probe.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            probe.recv(1)
    except ConnectionResetError:
        return True
    except OSError:
        return False
    return True


def kill_by_file(role: Role) -> None:
    """Kill a role in the background, if it is still there."""
    for file in role.folder.glob("*.pid"):
        kill(int(file.read_text()))
