"""What a new user starts first: all roles in one process."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.processes import Role, accepts, alive, eventually, healthy, kill
from tests.ports import free_port


class SingleTests(SynchronousTestCase):
    """``twistd -n tpush``."""

    def start(self, **keywords: dict[str, str]) -> Role:
        self.ws, self.http = free_port(), free_port()
        role = Role(
            "tpush",
            *("--listen-ws", f"tcp:{self.ws}:interface=127.0.0.1"),
            *("--listen-http", f"tcp:{self.http}:interface=127.0.0.1"),
            environ=keywords.get("environ"),
        )
        self.addCleanup(role.stop)
        self.url = f"http://127.0.0.1:{self.http}/"
        eventually(lambda: healthy(self.url), "it is healthy")
        return role

    @contextmanager
    def client(self) -> Iterator[tuple[ClientConnection, dict[str, str]]]:
        with connect(f"ws://127.0.0.1:{self.ws}/", compression="deflate") as connection:
            greeting = str(connection.recv(10))
            self.assertRegex(greeting, r"\AworkerID:\d+ connectionID:\d+ connected\n\Z")
            worker, number = (word.split(":")[1] for word in greeting.split()[:2])
            yield connection, {"to_worker_id": worker, "to_connection_id": number}

    def test_push(self) -> None:
        """A broadcast reaches all, a unicast one; both answer `ok`."""
        self.start()
        with self.client() as (first, address), self.client() as (second, _):
            answers = [
                requests.get(self.url, {"content": "to all"}, timeout=10),
                requests.post(self.url, {"content": "to öne", **address}, timeout=10),
                requests.get(self.url, {"content": ""}, timeout=10),
                requests.get(self.url, {"content": "0"}, timeout=10),
            ]
            self.assertEqual([answer.text for answer in answers], ["ok"] * 4)
            self.assertEqual([first.recv(10) for _ in range(3)], ["to all", "to öne", "0"])
            self.assertEqual([second.recv(10) for _ in range(2)], ["to all", "0"])

    def test_half_an_address(self) -> None:
        """Half an address is refused, and does not become a broadcast."""
        self.start()
        with self.client() as (client, address):
            half = {"to_worker_id": address["to_worker_id"], "content": "private"}
            answer = requests.get(self.url, half, timeout=10)
            self.assertEqual(answer.status_code, 400)
            requests.get(self.url, {"content": "next"}, timeout=10)
            self.assertEqual(client.recv(10), "next")

    def test_stop(self) -> None:
        """SIGTERM and Ctrl-C close clients with 1001, and end it well within ten seconds."""
        for how, status in ((signal.SIGTERM, 0), (signal.SIGINT, -signal.SIGINT)):
            role = self.start()
            with self.client() as (client, _):
                self.assertEqual(role.stop(how, deadline=10), status)
                error = self.assertRaises(ConnectionClosed, client.recv, 10)
                self.assertEqual(error.rcvd.code if error.rcvd else None, 1001)
            self.assertFalse(accepts("127.0.0.1", self.ws))
            self.assertNotIn("Traceback", role.log)

    def test_a_client_that_does_not_answer(self) -> None:
        """A client that does not answer its close does not hold it up."""
        role = self.start()
        with socket.create_connection(("127.0.0.1", self.ws)):  # not even a handshake
            self.assertEqual(role.stop(deadline=10), 0)

    def test_quiet(self) -> None:
        """Messages leave nothing in the log."""
        role = self.start()
        with self.client() as (client, _):
            requests.get(self.url, {"content": "x"}, timeout=10)
            client.recv(10)
            before = role.log
            for _ in range(5):
                requests.get(self.url, {"content": "x"}, timeout=10)
                client.recv(10)
            self.assertEqual(role.log, before)


class StartTests(SynchronousTestCase):
    """What a wrong start says."""

    def run_role(self, *arguments: str, folder: Path, daemon: bool) -> tuple[int, str]:
        role = Role(*arguments, cwd=folder, daemon=daemon)
        status = role.process.wait(30)
        return status, role.log

    def test_one_line(self) -> None:
        """Whatever is wrong: one line, a status that is not 0, no traceback."""
        folder = Path(self.mktemp())
        folder.mkdir()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
            wrong = [["--listen", taken], ["--listen", "tcp:x"], ["--what"]]
            roles = ("tpush-channel", "tpush-ws", "tpush-http")
            for role, arguments, daemon in product(roles, wrong, (False, True)):
                with self.subTest(role=role, arguments=arguments, daemon=daemon):
                    status, said = self.run_role(role, *arguments, folder=folder, daemon=daemon)
                    lines = said.strip().splitlines()
                    self.assertEqual((status, len(lines)), (1, 1), said)
                    self.assertTrue(lines[0].startswith(f"{role}: "), said)

    def test_in_the_background(self) -> None:
        """Without -n a role goes into the background, and can be ended by its pid file."""
        folder = Path(self.mktemp())
        folder.mkdir()
        port = free_port()
        status, said = self.run_role(
            "tpush-channel", f"--listen=tcp:{port}:interface=127.0.0.1", folder=folder, daemon=True
        )
        self.assertEqual((status, said), (0, ""))
        pid_file = folder / "tpush-channel.pid"
        pid = int(pid_file.read_text())
        self.addCleanup(kill, pid)
        eventually(lambda: accepts("127.0.0.1", port), "it listens")
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not alive(pid), "it has ended")
        self.assertFalse(pid_file.exists())
