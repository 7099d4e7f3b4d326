"""``/health`` where clients connect."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.pusher.client import Client
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.pusher.factory import PusherFactory


class ProbeTests(SynchronousTestCase):
    """Whoever balances load asks a pusher whether it is of use, by plain HTTP."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.complaint = ""
        self.factory = PusherFactory(
            WorkerID(7), self.clock, Limits(), complaint=lambda: self.complaint
        )

    def ask(self, *pieces: bytes) -> tuple[bytes, bytes]:
        """Return the first line and the body of the answer, after which the connection ends."""
        client = Client(self.factory)
        for piece in pieces:
            self.assertFalse(client.gone)
            client.send(piece)
        self.assertTrue(client.gone)
        head, _, body = client.transport.value().partition(b"\r\n\r\n")
        self.assertIn(b"Connection: close", head)
        client.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return head.split(b"\r\n")[0], body

    def test_well(self) -> None:
        """200 and ``ok``, however the balancer asks."""
        for asked in (
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /health HTTP/1.0\r\n\r\n",
            b"GET /health?from=haproxy HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
        ):
            self.assertEqual(self.ask(asked), (b"HTTP/1.1 200 OK", b"ok"))
            self.assertEqual(self.ask(asked[:7], asked[7:])[1], b"ok")

    def test_other_protocol(self) -> None:
        """A probe that would rather speak HTTP/2 is answered: Java's client offers that to all."""
        asked = (
            b"GET /health HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: localhost\r\n"
            b"HTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n\r\n"
        )
        self.assertEqual(self.ask(asked), (b"HTTP/1.1 200 OK", b"ok"))

    def test_not_well(self) -> None:
        """503, and why."""
        self.complaint = "draining"
        answer = self.ask(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual(answer, (b"HTTP/1.1 503 Service Unavailable", b"draining"))

    def test_head(self) -> None:
        """A balancer that asks by HEAD is told the same, without a body."""
        self.complaint = "draining"
        status, body = self.ask(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertEqual((status, body), (b"HTTP/1.1 503 Service Unavailable", b""))

    def test_no_probe(self) -> None:
        """Other paths and other methods are what they were."""
        for asked, status in [
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"426"),
            (b"GET /healthy HTTP/1.1\r\nHost: localhost\r\n\r\n", b"426"),
            (b"GET /health/x HTTP/1.1\r\nHost: localhost\r\n\r\n", b"426"),
            (b"POST /health HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
            (b"GET /health HTTP/1.1\r\nUpgrade: WebSocket\r\nHost: localhost\r\n\r\n", b"400"),
        ]:
            self.assertIn(status, self.ask(asked)[0])

    def test_a_client(self) -> None:
        """A client that connects at this path is a client."""
        self.complaint = "draining"
        for path in (b"/health", b"/health?token=x"):
            self.assertEqual(len(Client(self.factory).open(path=path).frames), 1)
