"""Descriptors run out: new clients wait, the others are served."""

import socket
import time

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Role, cpu_seconds, eventually, healthy
from tests.integration.raw import RawClient
from tests.ports import free_port
from tests.pusher.websocket import TEXT, handshake

DESCRIPTORS = 80
CLIENTS = 100
SAYS = "new clients wait: Too many open files"


class DescriptorTests(SynchronousTestCase):
    """A role that may have few descriptors."""

    def start(self, *arguments: str, descriptors: int = 0) -> Role:
        role = Role(*arguments, descriptors=descriptors)
        self.addCleanup(role.stop)
        return role

    def test_pusher(self) -> None:
        """Clients beyond wait unharmed, and are greeted as soon as others have left."""
        channel, ws, http = free_port(), free_port(), free_port()
        where = f"--channel=tcp:127.0.0.1:{channel}"
        self.start("tpush-channel", f"--listen=tcp:{channel}:interface=127.0.0.1")
        self.start("tpush-http", f"--listen=tcp:{http}:interface=127.0.0.1", where)
        pusher = self.start(
            "tpush-ws",
            f"--listen=tcp:{ws}:interface=127.0.0.1",
            where,
            "--max-connections=10000",
            descriptors=DESCRIPTORS,
        )
        pusher.wait_for("connected to the channel")
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        clients = [RawClient(ws) for _ in range(CLIENTS)]
        for client in clients:
            self.addCleanup(client.close)
            client.socket.sendall(handshake())
        pusher.wait_for(SAYS)
        greeted = [client for client in clients if self.greeted(client, 0.05)]
        waiting = [client for client in clients if client not in greeted]
        self.assertGreater(len(waiting), CLIENTS - DESCRIPTORS)
        self.assertGreater(len(greeted), DESCRIPTORS // 2)

        began, used = time.monotonic(), cpu_seconds(pusher.process.pid)
        lines = pusher.log.count(SAYS)
        pusher.wait_for(SAYS, lines + 3)
        requests.get(f"http://127.0.0.1:{http}/", {"content": "hello"}, timeout=10)
        self.assertEqual({client.text() for client in greeted}, {"hello"})
        seconds = time.monotonic() - began
        self.assertLess(pusher.log.count(SAYS) - lines, seconds + 2)
        self.assertLess(cpu_seconds(pusher.process.pid) - used, seconds / 4)

        for client in greeted:
            client.close()
        for client in waiting:
            self.assertTrue(self.greeted(client, 10))
        self.assertEqual(pusher.stop(deadline=10), 0)
        self.assertNotIn("Traceback", pusher.log)
        self.assertNotIn("EMFILE", pusher.log)

    def test_publisher(self) -> None:
        """A back end beyond waits for its answer, and gets it."""
        http = free_port()
        role = self.start(
            "tpush",
            "--listen-ws=tcp:0:interface=127.0.0.1",
            f"--listen-http=tcp:{http}:interface=127.0.0.1",
            descriptors=DESCRIPTORS,
        )
        role.wait_for("publisher started")
        idle = [socket.create_connection(("127.0.0.1", http)) for _ in range(DESCRIPTORS)]
        for each in idle:
            self.addCleanup(each.close)
        role.wait_for(SAYS)
        with socket.create_connection(("127.0.0.1", http), timeout=10) as late:
            late.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            for each in idle:
                each.close()
            self.assertRegex(late.recv(100), rb"^HTTP/1.[01] 200 ")
        self.assertNotIn("EMFILE", role.log)

    def greeted(self, client: RawClient, deadline: float) -> bool:
        client.socket.settimeout(deadline)
        try:
            client.answered()
        except TimeoutError:
            return False
        return client.frame()[0] == TEXT
