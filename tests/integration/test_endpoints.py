"""Endpoints other than plain TCP, with several workers: unix sockets, TLS, a channel on both."""

import ssl
import stat

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import connect, unix_connect

from tests.folder import short_folder
from tests.integration.certificate import self_signed
from tests.integration.processes import Role, eventually, healthy
from tests.ports import free_port

HANDS_OVER = """
import os, socket, sys

if "tpush.net.worker" not in " ".join(sys.orig_argv):
    given = socket.socket(socket.AF_UNIX)
    given.bind(os.environ["TEST_SOCKET"])
    os.chmod(os.environ["TEST_SOCKET"], 0o600)
    given.listen()
    os.dup2(given.detach(), 3)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="one")
"""
"""The interpreter of a role imports this as it starts: it has a socket then as of systemd's."""


class EndpointTests(SynchronousTestCase):
    """Each role listens on, and connects to, whatever endpoint it is given."""

    @override
    def setUp(self) -> None:
        self.folder = short_folder(self)

    def start(self, *arguments: str) -> Role:
        role = Role(*arguments, cwd=self.folder)
        self.addCleanup(role.stop)
        return role

    def test_unix(self) -> None:
        """A cluster on unix sockets alone, two workers a role; the paths go when it stops."""
        ws, http = self.folder / "ws", free_port()
        channel = f"unix:{self.folder / 'channel'}"
        roles = [
            self.start("tpush-channel", "--listen", channel),
            self.start("tpush-ws", f"--listen=unix:{ws}", f"--channel={channel}", "--workers=2"),
            self.start(
                "tpush-http",
                f"--listen=tcp:{http}:interface=127.0.0.1",
                f"--channel={channel}",
                "--workers=2",
            ),
        ]
        roles[1].wait_for("connected to the channel", 2)
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        with unix_connect(str(ws), "ws://localhost/") as client:
            client.recv(10)
            requests.get(f"http://127.0.0.1:{http}/", {"content": "hello"}, timeout=10)
            self.assertEqual(client.recv(10), "hello")
        for role in roles[::-1]:
            self.assertEqual(role.stop(), 0)
            self.assertNotIn("Traceback", role.log)
        self.assertFalse(ws.exists())
        self.assertFalse((self.folder / "channel").exists())

    def test_systemd(self) -> None:
        """A socket that was handed over keeps its mode and its path, in one process or several."""
        (self.folder / "sitecustomize.py").write_text(HANDS_OVER)
        for workers in "1", "2":
            path = self.folder / f"socket-{workers}"
            role = Role(
                *("tpush-ws", "--listen=systemd:domain=UNIX:index=0", f"--workers={workers}"),
                environ={"TEST_SOCKET": str(path)},
                path=[self.folder],
            )
            self.addCleanup(role.stop)
            role.wait_for("listening on systemd")
            with unix_connect(str(path), "ws://localhost/", open_timeout=60) as client:
                client.recv(10)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertEqual(role.stop(), 0)
            self.assertTrue(path.exists())

    def test_tls(self) -> None:
        """A channel and a pusher behind TLS; the pusher has two workers."""
        both, public = self_signed(self.folder)
        channel, ws, http = free_port(), free_port(), free_port()
        where = f"tls:localhost:{channel}:trustRoots={public.parent}"
        secret = f"privateKey={both}:interface=127.0.0.1"
        self.start("tpush-channel", f"--listen=ssl:{channel}:{secret}")
        pusher = self.start(
            "tpush-ws", f"--listen=ssl:{ws}:{secret}", f"--channel={where}", "--workers=2"
        )
        self.start("tpush-http", f"--listen=tcp:{http}:interface=127.0.0.1", f"--channel={where}")
        pusher.wait_for("connected to the channel", 2)
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        trust = ssl.create_default_context(cafile=str(public))
        trust.set_alpn_protocols(["h2", "http/1.1"])  # as browsers do
        with connect(f"wss://localhost:{ws}/", ssl=trust) as client:
            client.recv(10)
            requests.post(f"http://127.0.0.1:{http}/", {"content": "hello" * 100_000}, timeout=10)
            self.assertEqual(client.recv(10), "hello" * 100_000)

    def test_client_certificates(self) -> None:
        """A channel that asks for certificates takes those who have one of its authority's."""
        server, public = self_signed(self.folder)
        theirs = self.folder / "client"
        theirs.mkdir()
        client, authority = self_signed(theirs)
        channel, http, other = free_port(), free_port(), free_port()
        self.start(
            "tpush-channel",
            f"--listen=mtls:{channel}:privateKey={server}:clientCA={authority}:interface=127.0.0.1",
        )
        where = f"tls:localhost:{channel}:trustRoots={public.parent}"
        self.start(
            "tpush-http",
            f"--listen=tcp:{http}:interface=127.0.0.1",
            f"--channel={where}:certificate={client}:privateKey={client}",
            "--workers=2",
        )
        stranger = self.start(
            "tpush-http", f"--listen=tcp:{other}:interface=127.0.0.1", f"--channel={where}"
        )
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        stranger.wait_for("cannot reach the channel yet")
        self.assertFalse(healthy(f"http://127.0.0.1:{other}/"))

    def test_several(self) -> None:
        """A role listens on several endpoints, of several kinds, at once; also by environment."""
        first, second, http = free_port(), free_port(), free_port()
        role = Role(
            "tpush",
            f"--listen-http=tcp:{http}:interface=127.0.0.1",
            cwd=self.folder,
            environ={
                "TPUSH_LISTEN_WS": f"tcp:{first}:interface=127.0.0.1 unix:{self.folder / 'ws'} "
                f"tcp6:{second}:interface=\\:\\:1"
            },
        )
        self.addCleanup(role.stop)
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        with (
            connect(f"ws://127.0.0.1:{first}/") as one,
            unix_connect(str(self.folder / "ws"), "ws://localhost/") as two,
            connect(f"ws://[::1]:{second}/") as three,
        ):
            greetings = [str(client.recv(10)) for client in (one, two, three)]
            self.assertEqual(len({greeting.split()[0] for greeting in greetings}), 1)
            self.assertEqual(len(set(greetings)), 3)
