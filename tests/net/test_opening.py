"""Sockets that one process opens and another listens on."""

import os
import socket
import stat
from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.folder import short_folder
from tpush.errors import CannotListen
from tpush.net.opening import Opened, Opener


class OpenerTests(SynchronousTestCase):
    """Endpoint strings become listening sockets."""

    def open(self, endpoint: str, workers: int = 2) -> Opened:
        opened = Opener(Clock(), workers).open(endpoint)
        self.addCleanup(opened.close)
        return opened

    def test_one_socket_a_worker(self) -> None:
        """Each worker has a TCP socket of its own, all on one port; tcp:0 is one port too."""
        opened = self.open("tcp:0:interface=127.0.0.1", workers=3)
        names = {opened.of(worker).getsockname() for worker in range(3)}
        self.assertEqual(len(names), 1)
        self.assertEqual(len({opened.of(worker).fileno() for worker in range(3)}), 3)

    def test_ipv6(self) -> None:
        """An IPv6 address is listened on by an IPv6 socket."""
        opened = self.open("tcp6:0:interface=\\:\\:1")
        self.assertEqual(opened.of(1).family, socket.AF_INET6)

    def test_suspend(self) -> None:
        """The socket of a worker that is down listens no more, keeps its port, and can again."""
        opened = self.open("tcp:0:interface=127.0.0.1", workers=2)
        name = opened.of(1).getsockname()
        for _ in range(2):
            for worker in (0, 1):
                opened.suspend(worker)
            opened.suspend(1)
            with socket.socket() as client:
                self.assertRaises(ConnectionRefusedError, client.connect, name)
            opened.resume(0)
            opened.resume(0)
            opened.resume(1)
            self.assertEqual([opened.of(w).getsockname() for w in (0, 1)], [name, name])
            with socket.socket() as client:
                client.connect(name)

    def test_unix(self) -> None:
        """Workers share the one unix socket, which has its mode, and goes when it is closed."""
        path = str(short_folder(self) / "socket")
        opened = self.open(f"unix:{path}:mode=660")
        self.assertIs(opened.of(0), opened.of(1))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        opened.suspend(1)
        opened.resume(1)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        opened.close()
        self.assertFalse(os.path.exists(path))

    def test_a_dead_unix_socket(self) -> None:
        """What a killed process left behind is taken over; one that lives is not."""
        path = str(short_folder(self) / "socket")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        self.open(f"unix:{path}")
        error = self.assertRaises(CannotListen, self.open, f"unix:{path}")
        self.assertIn("address already in use", str(error))

    def test_cannot(self) -> None:
        """What cannot be opened says which endpoint, and why."""
        for endpoint, why in [
            ("tcp:1:interface=192.0.2.1", "cannot assign requested address"),
            ("unix:/nonexistent/socket", "no such file or directory"),
            ("ssl:0:privateKey=/nonexistent", "no such file or directory"),
            ("tcp:many", "it is no server endpoint string"),
            ("pigeon:1", "it is no server endpoint string"),
            ("systemd:domain=INET:index=9", "systemd has not handed over such a socket"),
            ("systemd:domain=INET:name=x", "systemd has not handed over such a socket"),
        ]:
            error = self.assertRaises(CannotListen, self.open, endpoint)
            self.assertIn(f"cannot listen on {endpoint}: {why}", str(error))

    def test_only_workers_listen(self) -> None:
        """No socket listens but those that a worker is to have: who waits at another is lost."""
        with patch.object(socket.socket, "listen") as listen:
            self.open("tcp:0:interface=127.0.0.1", workers=3)
        self.assertEqual(listen.call_count, 3)

    def test_somebody_elses_path(self) -> None:
        """A unix socket that another process listens on by now is left to it."""
        path = str(short_folder(self) / "socket")
        opened = self.open(f"unix:{path}")
        opened.let_go()
        with self.assertRaises(ConnectionRefusedError), socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        self.open(f"unix:{path}")
        opened.close()
        self.assertTrue(os.path.exists(path))
