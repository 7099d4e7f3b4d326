"""The roles in a program of the user's own: the documented example, and several side by side."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from websockets.sync.client import connect

import tpush
from tests.integration.processes import ROOT, Role, eventually, healthy
from tests.ports import free_port
from tpush.channel.service import ChannelService
from tpush.net.listener import Listener
from tpush.publisher.service import PublisherService
from tpush.pusher.service import PusherService

EXAMPLES = ROOT / "docs" / "examples"


class ExampleTests(SynchronousTestCase):
    """The examples of the docs, as they stand but for their ports."""

    def place(self, name: str) -> Path:
        text = (EXAMPLES / name).read_text()
        for port, other in self.ports.items():
            text = text.replace(port, str(other))
        path = self.folder / name
        path.write_text(text)
        return path

    def test_program(self) -> None:
        """A program with all roles in it pushes to its browsers, and does jobs of a script."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.ports = {port: free_port() for port in ("2206", "4236", "4237")}
        role = Role("-y", str(self.place("program.py")), cwd=self.folder)
        self.addCleanup(role.stop)
        eventually(lambda: healthy(f"http://127.0.0.1:{self.ports['4237']}/"), "healthy")
        with connect(f"ws://127.0.0.1:{self.ports['4236']}/") as browser:
            browser.recv(10)
            eventually(lambda: browser.recv(10) == "the price is 42", "the price")
            subprocess.run(
                [sys.executable, self.place("order.py"), "two apples"],
                check=True,
                timeout=30,
                cwd=ROOT,
                env={"PYTHONPATH": str(ROOT)},
            )
            eventually(lambda: browser.recv(10) == "delivered two apples", "the order")
        role.stop()
        self.assertNotIn("Traceback", role.log)


class SideBySideTests(TestCase):
    """Two clusters in one process."""

    async def test_two_of_each(self) -> None:
        """What is published in one is heard there alone; each stops without a trace."""
        clusters = [await self.start() for _ in range(2)]
        urls: list[Any] = [cluster[:2] for cluster in clusters]
        heard = await deferToThread(self.push, urls)
        self.assertEqual(heard, ["to cluster 0", "to cluster 1"])
        for _, _, services in clusters:
            for service in services:
                await service.stopService()

    async def start(self) -> tuple[str, str, list[Any]]:
        channel = ChannelService(["tcp:0:interface=127.0.0.1"])
        channel.startService()
        where = f"tcp:127.0.0.1:{port_of(channel.listener)}"
        pusher = PusherService(tpush.connect(where), ["tcp:0:interface=127.0.0.1"])
        publisher = PublisherService(tpush.connect(where), ["tcp:0:interface=127.0.0.1"])
        for service in (pusher, publisher):
            service.startService()
        ws, http = port_of(pusher.listener), port_of(publisher.listener)
        url = f"http://127.0.0.1:{http}/"
        await deferToThread(eventually, lambda: healthy(url), "healthy")
        return f"ws://127.0.0.1:{ws}/", url, [publisher, pusher, channel]

    def push(self, urls: list[tuple[str, str]]) -> list[str]:
        clients = [connect(ws) for ws, _ in urls]
        for client in clients:
            client.recv(10)
        for number, (_, http) in enumerate(urls):
            requests.get(http, {"content": f"to cluster {number}"}, timeout=10)
        heard = [str(client.recv(20)) for client in clients]
        for client in clients:
            client.close()
        return heard


def port_of(listener: Listener) -> int:
    """Return the port that a listener got."""
    host: Any = listener.ports[0].getHost()
    return int(host.port)
