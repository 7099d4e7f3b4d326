"""The head of an opening handshake."""

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.pusher.client import Client
from tests.pusher.websocket import handshake
from tpush.forwarded import Proxies
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.pusher.factory import PusherFactory
from tpush.pusher.head import check_head
from tpush.pusher.refusal import Denied

START = b"GET / HTTP/1.1\r\nHost: localhost"
FORGED = b"X-Forwarded-For: 198.51.100.1"


class HeadTests(SynchronousTestCase):
    def test_taken(self) -> None:
        """A request line and headers are taken, with letters that others take for a line's end."""
        for head in (START, b"GET /x?y HTTP/1.0", START + b"\r\nX:\r\nX-Y:\t\xc3\x85 \xff"):
            check_head(head)

    def test_refused(self) -> None:
        """What has more than one reading is not taken."""
        for head in (
            b"",
            b"GET  / HTTP/1.1",
            b"GET /\xa0 HTTP/1.1",
            b"GET / HTTP/1.1\x0bX: y",
            START + b"\r\n folded",
            START + b"\r\nno colon",
            START + b"\r\nX : y",
            START + b"\r\nX\xa0: y",
            START + b"\r\n: y",
            *(START + b"\r\nX: %by" % byte for byte in (b"\n", b"\r", b"\x0b", b"\x0c", b"\0")),
            *(START + b"\r\nX: %by" % byte for byte in (b"\x1c", b"\x1d", b"\x1e", b"\x7f")),
        ):
            with self.assertRaises(Denied, msg=head):
                check_head(head)


class ForgedTests(SynchronousTestCase):
    """A client behind a proxy that is believed says that it is another."""

    def test_forged(self) -> None:
        """What it hides in a header of its own does not count."""
        proxy = "192.0.2.9"
        limits = Limits(per_address=1, ping_interval=0)
        factory = PusherFactory(WorkerID(7), Clock(), limits, proxies=Proxies([proxy]))
        for number, more in enumerate((
            b"X: y\x85" + FORGED,
            b"X: y\x0b" + FORGED,
            b"X: y\n" + FORGED,
            b"X-Forwarded-For : 198.51.100.1",
            b"X-Forwarded-For\xa0: 198.51.100.1",
        )):
            with self.subTest(more=more):
                said = b"X-Forwarded-For: 203.0.113.%d" % number
                for headers in ([said], [said, more]):
                    client = Client(factory, IPv4Address("TCP", proxy, 50_000))
                    client.send(handshake(headers=headers))
                self.assertIn(client.head[9:12], {b"400", b"429"}, more)
