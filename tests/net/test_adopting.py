"""Listening on sockets that another process opened."""

import socket
import stat

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from tests.folder import short_folder
from tpush.net.adopting import Adopter, Tenant
from tpush.net.opening import Opener


class AdopterTests(TestCase):
    """A worker's side."""

    async def test_unix(self) -> None:
        """The path has the mode that it was given, and stays when the worker stops."""
        path = short_folder(self) / "s"
        opened = Opener(reactor, 2).open(f"unix:{path}:mode=600")
        self.addCleanup(opened.close)
        endpoint = Adopter(reactor, opened.of(0)).endpoint(opened.endpoint)
        port = await endpoint.listen(Factory())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        await maybeDeferred(port.stopListening)
        self.assertTrue(path.exists())


class TenantTests(TestCase):
    """Sockets of systemd's, in one process."""

    async def test_unix(self) -> None:
        """The path stays as it is, and so does the socket."""
        path = short_folder(self) / "s"
        with socket.socket(socket.AF_UNIX) as handed_over:
            handed_over.bind(str(path))
            path.chmod(0o600)
            handed_over.listen()
            tenant = Tenant(reactor)
            port = tenant.adoptStreamPort(handed_over.fileno(), socket.AF_UNIX, Factory())
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            await maybeDeferred(port.stopListening)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
