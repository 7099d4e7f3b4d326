"""Receipts, over real processes: what is said of a message is what became of it."""

import contextlib
import os
import re
import signal
import socket
import ssl
import threading
import time
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import ClientConnection, connect, unix_connect

from tests.folder import short_folder
from tests.integration.certificate import self_signed
from tests.integration.processes import PATIENT, Cluster, Role, eventually, healthy
from tests.ports import free_port

WAIT = 30


def receipt(url: str, **fields: str) -> tuple[int, dict[str, Any]]:
    """Publish with a receipt; return status and what it says."""
    answer = requests.get(url, {"receipt": "1", **fields}, timeout=WAIT)
    return answer.status_code, answer.json()


class ReceiptTests(SynchronousTestCase):
    """Two hosts of two workers each, and a publisher."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(
            pushers=2,
            workers=2,
            publisher_options=PATIENT,
            pusher_options=["--ping-interval=0", "--max-pending=262144"],
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.url = self.cluster.http_urls[0]
        self.clients = contextlib.ExitStack()
        self.addCleanup(self.clients.close)

    def client(self, number: int = 0) -> ClientConnection:
        # Unbounded: a client that has stopped reading would not hear the close.
        client = connect(self.cluster.ws_urls[number % 2], max_queue=None)
        self.clients.enter_context(client)
        return client

    def greeted(self, client: ClientConnection) -> dict[str, str]:
        match = re.match(r"workerID:(\d+) connectionID:(\d+) ", str(client.recv(WAIT)))
        assert match
        return {"to_worker_id": match[1], "to_connection_id": match[2]}

    def assertSaid(self, said: dict[str, Any], **expected: int) -> None:  # noqa: N802
        for name, number in expected.items():
            self.assertEqual(said[name], number, said)

    def test_everybody(self) -> None:
        """A broadcast is written to each client of the cluster, and each has got it."""
        clients = [self.client(number) for number in range(12)]
        for client in clients:
            self.greeted(client)
        status, said = receipt(self.url, content="hello")
        self.assertEqual(status, 200)
        self.assertSaid(said, matched=12, written=12, dropped=0, pending=0, workers=4)
        for client in clients:
            self.assertEqual(client.recv(WAIT), "hello")

    def test_one(self) -> None:
        """An address that somebody has matches one; one that nobody has is 404."""
        client = self.client()
        address = self.greeted(client)
        status, said = receipt(self.url, content="hello", **address)
        self.assertEqual(status, 200)
        self.assertSaid(said, matched=1, written=1, workers=1)
        nobody = 404, {"error": "no such connection"}
        for missing in (
            {**address, "to_connection_id": "999"},
            {**address, "to_worker_id": "999"},
        ):
            self.assertEqual(receipt(self.url, content="hello", **missing), nobody)
        client.close()
        eventually(lambda: receipt(self.url, content="x", **address) == nobody, "it is gone")

    def test_slow(self) -> None:
        """What waits for a client that does not read is pending, then dropped; never written."""
        slow = socket.create_connection(("127.0.0.2", self.cluster.pusher_ports[0]))
        self.addCleanup(slow.close)
        key = b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
        slow.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.2\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n" + key + b"\r\n"
        )
        greeting = slow.recv(1000)
        while b"connected" not in greeting:
            greeting += slow.recv(1000)
        outcomes = []
        written = 0
        for _ in range(400):
            _, said = receipt(self.url, content="x" * 15_000)
            self.assertEqual(said["matched"], said["written"] + said["dropped"] + said["pending"])
            outcomes.append(max(("written", "pending", "dropped"), key=lambda kind: said[kind]))
            written += said["written"]
            if said["dropped"] or not said["matched"]:
                break
        kinds = [kind for n, kind in enumerate(outcomes) if n == 0 or outcomes[n - 1] != kind]
        self.assertEqual(kinds, ["written", "pending", "dropped"], outcomes)
        slow.settimeout(WAIT)
        got = 0
        with contextlib.suppress(ConnectionResetError):  # it does not answer the close
            while chunk := slow.recv(65_536):
                got += chunk.count(b"x")
        self.assertTrue(got >= written * 15_000, (got, written))

    def test_a_worker_that_does_not_answer(self) -> None:
        """A stopped worker is missed after the time that workers have, and only then."""
        clients = [self.client(number) for number in range(4)]
        for client in clients:
            self.greeted(client)
        stopped = self.cluster.pushers[0].workers[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            status, said = receipt(self.url, content="hello")
            took = time.monotonic() - begun
        finally:
            os.kill(stopped, signal.SIGCONT)
        self.assertEqual(status, 504)
        self.assertSaid(said, missing=1, workers=3)
        self.assertGreater(took, float(PATIENT[1]) - 0.1)
        eventually(lambda: receipt(self.url, content="x")[0] == 200, "it answers again")

    def test_while_publishes_run(self) -> None:
        """Receipts of several back ends at once are each their own."""
        for number in range(4):
            self.greeted(self.client(number))
        said: list[tuple[int, int]] = []

        def ask() -> None:
            for _ in range(50):
                requests.get(self.url, {"content": "y"}, timeout=WAIT)
                status, one = receipt(self.url, content="x")
                said.append((status, one["matched"]))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(said, [(200, 4)] * 200)


class TransportTests(SynchronousTestCase):
    """Written means the same over TLS and unix sockets, whose transports do not write at once."""

    def test_tls_and_unix(self) -> None:
        """A message to clients of both is written to both."""
        folder = short_folder(self)
        both, _ = self_signed(folder)
        tls, http, path = free_port(), free_port(), folder / "ws"
        role = Role(
            "tpush",
            f"--listen-ws=ssl:{tls}:interface=127.0.0.1:privateKey={both}:certKey={both}",
            f"--listen-ws=unix:{path}",
            f"--listen-http=tcp:{http}:interface=127.0.0.1",
            cwd=folder,
        )
        self.addCleanup(role.stop)
        url = f"http://127.0.0.1:{http}/"
        eventually(lambda: healthy(url), "healthy")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            connect(f"wss://127.0.0.1:{tls}/", ssl=context) as first,
            unix_connect(str(path), "ws://localhost/") as second,
        ):
            for client in first, second:
                client.recv(WAIT)
            for content in ("hello", "x" * 15_000):
                status, said = receipt(url, content=content)
                self.assertEqual((status, said["matched"], said["written"]), (200, 2, 2), said)
                for client in first, second:
                    self.assertEqual(client.recv(WAIT), content)
