"""Whether endpoints can be listened on."""

import os
import socket
from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.folder import short_folder
from tests.ports import free_port
from tpush.errors import CannotListen
from tpush.net.opening import Opener
from tpush.net.probing import exposed_endpoints


class ProbingTests(SynchronousTestCase):
    """Endpoints are tried, and nobody notices."""

    def test_leaves_nothing(self) -> None:
        """Finding out whether endpoints can be listened on leaves them closed."""
        path = str(short_folder(self) / "socket")
        for _ in range(2):
            exposed_endpoints(Clock(), ["tcp:0:interface=127.0.0.1", f"unix:{path}"])
        self.assertFalse(os.path.exists(path))

    def test_listens_to_nobody(self) -> None:
        """Whoever connects while endpoints are checked is refused, not taken and then dropped."""
        path = str(short_folder(self) / "socket")
        with patch.object(socket.socket, "listen") as listen:
            exposed_endpoints(Clock(), ["tcp:0:interface=127.0.0.1", f"unix:{path}"])
        listen.assert_not_called()

    def test_in_use(self) -> None:
        """What somebody listens on by now cannot be listened on."""
        path = str(short_folder(self) / "socket")
        opener = Opener(Clock(), 1)
        for endpoint in f"unix:{path}", "tcp:0:interface=127.0.0.1":
            opened = opener.open(endpoint)
            self.addCleanup(opened.close)
        port = opened.address[1]
        for endpoint in f"tcp:{port}:interface=127.0.0.1", f"tcp:{port}", f"unix:{path}":
            error = self.assertRaises(CannotListen, exposed_endpoints, Clock(), [endpoint])
            self.assertIn("address already in use", str(error))

    def test_against_each_other(self) -> None:
        """Of endpoints that keep each other out none is listened on; of others, all."""
        path = str(short_folder(self) / "socket")
        v4, any4 = "tcp:{}:interface=127.0.0.1", "tcp:{}"
        v6, any6 = "tcp6:{}:interface=\\:\\:1", "tcp6:{}"
        ok = [(v4, v6), (v4, v4.replace("0.1", "0.2")), (v6, any4), (v4, "unix:" + path)]
        bad = [(v4, v4), (v4, any4), (any4, v4), (any4, any6), (v4, any6), (v6, any6)]
        port = free_port()
        for pair in [*ok, *bad, ("unix:" + path, "unix:" + path)]:
            endpoints = [each.format(port) for each in pair]
            if pair in ok:
                exposed_endpoints(Clock(), endpoints)
                continue
            error = self.assertRaises(CannotListen, exposed_endpoints, Clock(), endpoints)
            first, second = endpoints
            self.assertEqual(
                str(error), f"cannot listen on {second}: address already in use by {first}"
            )
