"""The time of day is set while a cluster runs."""

from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.processes import Role, eventually, healthy
from tests.integration.raw import RawClient
from tests.ports import free_port
from tests.pusher.websocket import PING, PONG

JUMPING = """
import os, time

FILE, BEFORE = os.environ["TEST_CLOCK"], time.time

def now():
    try:
        with open(FILE) as file:
            return BEFORE() + float(file.read() or 0)
    except FileNotFoundError:
        return BEFORE()

time.time = now
"""
"""Every interpreter imports this as it starts: its time of day is off by what a file says."""

HOUR = 3600


class ClockTests(SynchronousTestCase):
    """A channel, a pusher of two workers and a publisher, whose time of day jumps."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(JUMPING)
        self.offset = self.folder / "offset"

    def start(self, *arguments: str) -> Role:
        role = Role(
            *arguments,
            environ={"TEST_CLOCK": str(self.offset)},
            path=[self.folder],
        )
        self.addCleanup(role.stop)
        return role

    def jump(self, offset: float) -> None:
        new = self.offset.with_suffix(".new")
        new.write_text(str(offset))
        new.rename(self.offset)

    def test_jumps(self) -> None:
        """An hour forth or back: nobody is disconnected, pings go on, what is due comes in time."""
        channel, ws, http = free_port(), free_port(), free_port()
        where = f"--channel=tcp:127.0.0.1:{channel}"
        url = f"http://127.0.0.1:{http}/"
        roles = [
            self.start("tpush-channel", f"--listen=tcp:{channel}:interface=127.0.0.1"),
            self.start("tpush-http", f"--listen=tcp:{http}:interface=127.0.0.1", where),
            self.start(
                "tpush-ws",
                f"--listen=tcp:{ws}:interface=127.0.0.1",
                where,
                *("--workers=2", "--ping-interval=0.3"),
            ),
        ]
        roles[2].wait_for("connected to the channel", 2)
        eventually(lambda: healthy(url), "healthy")
        client = RawClient(ws).open()
        self.addCleanup(client.close)
        for number, offset in enumerate((HOUR, -HOUR, 0)):
            self.jump(offset)
            for _ in range(2):
                opcode, payload = client.frame()
                self.assertEqual(opcode, PING)
                client.send(PONG, payload)
            requests.get(url, {"content": str(number)}, timeout=10)
            self.assertEqual(client.text(), str(number))
        for role in roles:
            self.assertNotIn("closing", role.log)
            self.assertNotIn("lost", role.log)
        for role in roles[::-1]:
            self.assertEqual(role.stop(deadline=10), 0)
