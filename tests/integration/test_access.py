"""Who is let in, by real processes."""

import os
import signal
import socket
import time
from pathlib import Path
from typing import cast

import jwt
import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.integration.processes import Role, accepts, children, eventually, healthy
from tests.ports import free_port
from tests.pusher.websocket import handshake

SECRET, KEY, NEW_KEY = "the channel's own secret", "a back end's own key", "its next own key!"


class AccessTests(SynchronousTestCase):
    """A cluster whose channel has a secret, and whose publisher has keys."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def file(self, name: str, *lines: str) -> str:
        path = self.folder / name
        path.write_text("\n".join(lines))
        path.chmod(0o600)
        return str(path)

    def start(self, *arguments: str, **environ: str) -> Role:
        role = Role(*arguments, environ=environ, cwd=self.folder)
        self.addCleanup(role.stop)
        return role

    def test_secret_and_keys(self) -> None:
        """Those who know are let in, others are not, and nothing that is secret shows."""
        channel, http, other = free_port(), free_port(), free_port()
        where = f"--channel=tcp:127.0.0.1:{channel}"
        secret = self.file("secret", "an older secret of it", SECRET)
        keys = self.file("keys", "# of the shop", KEY)
        url = f"http://127.0.0.1:{http}/"
        roles = [
            self.start(
                "tpush-channel",
                f"--listen=tcp:{channel}:interface=127.0.0.1",
                f"--secret-file={secret}",
            ),
            self.start(
                "tpush-http",
                f"--listen=tcp:{http}:interface=127.0.0.1",
                where,
                f"--api-key-file={keys}",
                "--workers=2",
                TPUSH_SECRET=SECRET,
            ),
            self.start(
                "tpush-http",
                f"--listen=tcp:{other}:interface=127.0.0.1",
                where,
                TPUSH_SECRET="somebody else's secret",
            ),
        ]
        eventually(lambda: healthy(url), "healthy")
        roles[1].wait_for("connected to the channel", 2)
        roles[2].wait_for("does not know a secret of this channel")
        self.assertFalse(healthy(f"http://127.0.0.1:{other}/"))
        self.assertEqual(self.status(url, KEY), 200)
        self.assertEqual(self.status(url, NEW_KEY), 401)
        self.file("keys", NEW_KEY)
        os.kill(roles[1].process.pid, signal.SIGHUP)
        roles[1].wait_for("did what SIGHUP asks for", 3)
        for _ in range(8):  # whichever worker it is
            self.assertEqual((self.status(url, KEY), self.status(url, NEW_KEY)), (401, 200))
        for role in roles:
            for pid in (role.process.pid, *children(role.process.pid)):
                shown = Path(f"/proc/{pid}/cmdline").read_text()
                self.assertNotIn(SECRET, shown)
            for hidden in (SECRET, KEY, NEW_KEY, "somebody else"):
                self.assertNotIn(hidden, role.log)

    def test_behind_a_proxy(self) -> None:
        """A client is counted by its own address, as a header or the haproxy protocol tells it."""
        plain, haproxy = free_port(), free_port()
        role = self.start(
            "tpush-ws",
            f"--listen=tcp:{plain}:interface=127.0.0.1",
            f"--listen=haproxy:tcp:{haproxy}:interface=127.0.0.1",
            "--trusted-proxy=127.0.0.1",
            "--max-per-address=4",
            "--workers=2",
        )
        role.wait_for("process . started", 2)
        # The bound is divided over the workers, and which one a connection comes to is chance.
        for port, network, who in (
            (
                plain,
                b"198.51.100.%d",
                lambda client: (b"", b"X-Forwarded-For: 1.2.3.4, %b" % client),
            ),
            (
                haproxy,
                b"203.0.113.%d",
                lambda client: (b"PROXY TCP4 %b 127.0.0.1 1 2\r\n" % client, b"X-Y: z"),
            ),
        ):
            came = [self.knock(port, *who(network % 1)) for _ in range(20)]
            self.assertEqual(sorted(came), [b"101"] * 4 + [b"429"] * 16, role.log)
            other = [self.knock(port, *who(network % n)) for n in range(100, 120)]
            self.assertEqual(other, [b"101"] * 20)

    def knock(self, port: int, before: bytes, header: bytes) -> bytes:
        """Begin a handshake and stay; return the status."""
        client = socket.create_connection(("127.0.0.1", port), 10)
        self.addCleanup(client.close)
        client.sendall(before + handshake(headers=[header]))
        return client.recv(1000).split()[1]

    def test_tokens(self) -> None:
        """A client with a token of ours is let in; after SIGHUP the old keys open no more."""
        old, new = "a secret of thirty-two bytes, or so", "another one of at least thirty-two"
        secrets = self.file("secrets", old)
        port = free_port()
        where = f"tcp:{port}:interface=127.0.0.1"
        role = self.start("tpush-ws", "--listen", where, "--token-secret-file", secrets)
        eventually(lambda: accepts("127.0.0.1", port), "the pusher listens")
        url = f"ws://127.0.0.1:{port}/"

        def greeted(secret: str, origin: str | None = None) -> str:
            token = jwt.encode({"sub": "ann", "exp": time.time() + 60}, secret, "HS256")
            with connect(f"{url}?token={token}", origin=cast(Origin, origin)) as client:
                return str(client.recv(10))

        self.assertIn("connected", greeted(old))
        refused = self.assertRaises(InvalidStatus, greeted, new)
        self.assertEqual(refused.response.status_code, 401)
        self.assertIn(b"not signed with a key", refused.response.body)
        closed = self.assertRaises(ConnectionClosed, greeted, new, f"http://127.0.0.1:{port}")
        self.assertEqual(closed.rcvd and closed.rcvd.code, 4501)
        self.file("secrets", new)
        os.kill(role.process.pid, signal.SIGHUP)
        role.wait_for("did what SIGHUP asks for")
        self.assertIn("connected", greeted(new))
        self.assertRaises(InvalidStatus, greeted, old)
        self.file("secrets", "too short")
        os.kill(role.process.pid, signal.SIGHUP)
        role.wait_for("at SIGHUP: .*needs 32; what was in force stays")
        self.assertIn("connected", greeted(new))
        for hidden in (old, new, "eyJ"):
            self.assertNotIn(hidden, role.log)

    def status(self, url: str, key: str) -> int:
        headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
        return requests.get(url, {"content": "x"}, headers=headers, timeout=10).status_code
