"""The disk that the logs are on is full."""

import os
import resource
import signal
from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.processes import Role, alive, eventually, healthy, kill
from tests.integration.raw import RawClient
from tests.ports import free_port

FULL = Path("/dev/full")
"""Whatever is written to it: no space is left on the device."""


class FullDiskTests(SynchronousTestCase):
    """Roles serve on, and lose but lines of their logs."""

    @override
    def setUp(self) -> None:
        self.ws, self.http = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}/"

    def push(self) -> None:
        """Push a message to one client."""
        client = RawClient(self.ws).open()
        self.addCleanup(client.close)
        self.assertEqual(requests.get(self.url, {"content": "hello"}, timeout=10).text, "ok")
        self.assertEqual(client.text(), "hello")

    def test_a_cluster(self) -> None:
        """Not a line of any role can be written: they start, serve, and end with status 0."""
        channel = free_port()
        where = f"--channel=tcp:127.0.0.1:{channel}"
        commands = [
            ["tpush-channel", f"--listen=tcp:{channel}:interface=127.0.0.1"],
            ["tpush-ws", f"--listen=tcp:{self.ws}:interface=127.0.0.1", where, "--workers=2"],
            ["tpush-http", f"--listen=tcp:{self.http}:interface=127.0.0.1", where, "--workers=2"],
        ]
        roles = [Role(*command, output=FULL) for command in commands]
        for role in roles:
            self.addCleanup(role.stop)
        eventually(lambda: healthy(self.url), "healthy")
        pusher = f"http://127.0.0.1:{self.ws}/"
        for _ in range(20):  # whichever worker it is
            eventually(lambda: healthy(pusher), "the pusher is healthy")
        self.push()
        killed = roles[1].workers[0]
        os.kill(killed, signal.SIGKILL)  # which is worth a line
        eventually(lambda: killed not in (now := roles[1].workers) and len(now) == 2, "both run")
        for role in roles[::-1]:
            self.assertEqual(role.stop(deadline=10), 0)

    def test_there_is_room_again(self) -> None:
        """The log goes on when there is room again."""
        role = Role(
            "tpush",
            f"--listen-ws=tcp:{self.ws}:interface=127.0.0.1",
            f"--listen-http=tcp:{self.http}:interface=127.0.0.1",
            daemon=True,
            file_bytes=500,
        )
        self.assertEqual(role.process.wait(30), 0)
        pid = int((role.folder / "tpush.pid").read_text())
        self.addCleanup(kill, pid)
        eventually(lambda: healthy(self.url), "healthy")
        self.push()
        log = role.folder / "tpush.log"
        self.assertEqual(log.stat().st_size, 500)
        endless = resource.RLIM_INFINITY, resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, endless)
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: log.read_text().endswith("what SIGHUP asks for\n"), "the next line")
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not alive(pid), "it has ended")
