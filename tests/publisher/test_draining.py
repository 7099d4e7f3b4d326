"""A publisher that goes away."""

from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from tests.publisher.client import Client, SiteTestCase
from tpush.health import Health


class DrainTests(SiteTestCase):
    """Running requests are answered, idle connections are closed."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.others: list[Client] = []

    def drain(self, within: float = 25) -> Deferred[None]:
        self.site.connections.last = True
        draining = Deferred.fromCoroutine(self.site.connections.drain(self.clock, within))
        self.clock.advance(0.1)
        return draining

    def assertGone(self, draining: Deferred[None], client: Client) -> None:  # noqa: N802
        """The connection is closed, and with it the last is gone."""
        transport: Any = client.transport
        self.assertTrue(transport.disconnecting or transport.half_closed)
        self.assertNoResult(draining)
        client.leave()
        self.clock.advance(1)
        self.successResultOf(draining)
        self.client = self.connect()

    def test_idle(self) -> None:
        """A connection on which nothing comes is closed after a moment."""
        self.client.get()
        draining = self.drain()
        self.assertFalse(self.client.transport.disconnecting)
        self.clock.advance(0.3)
        self.assertGone(draining, self.client)

    def test_on_the_way(self) -> None:
        """A request that was on its way is answered, and is the last of its connection."""
        draining = self.drain()
        answer = self.client.get(b"/?content=X")
        self.assertPublished(answer, ("broadcast", b"X", True, None))
        self.assertEqual(answer.headers[b"connection"], b"close")
        self.assertGone(draining, self.client)

    def test_in_pieces(self) -> None:
        """A request that has begun, at whatever piece, is answered."""
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: "
        head += b"application/x-www-form-urlencoded\r\n\r\n"
        request = head + b"content=X"
        for cut in (1, 12, 25, len(head) - 2, len(head), len(head) + 3):
            with self.subTest(cut=cut):
                self.site.connections.last = False
                self.client.send(request[:cut])
                draining = self.drain()
                self.clock.advance(1)
                self.assertEqual(self.client.received(), b"")
                answer = self.client.ask(request[cut:])
                self.assertPublished(answer, ("broadcast", b"X", True, None))
                self.assertEqual(answer.headers[b"connection"], b"close")
                self.assertGone(draining, self.client)

    def test_too_late(self) -> None:
        """One that does not come to its end in time is dropped."""
        self.client.send(b"GET /?content=X HTTP/1.1\r\nHost: localhost\r\n")
        transport: Any = self.client.transport
        transport.abortConnection = self.client.leave
        draining = self.drain(within=3)
        self.clock.advance(1)
        self.assertNoResult(draining)
        self.clock.advance(3)
        self.successResultOf(draining)
        self.client = self.connect()

    def test_nobody(self) -> None:
        """Without connections it is over at once."""
        self.client.leave()
        self.successResultOf(Deferred.fromCoroutine(self.site.connections.drain(self.clock, 25)))
        self.client = self.connect()


class HealthTests(SiteTestCase):
    """What balancers are told of it."""

    def test_draining(self) -> None:
        """/health says so for as long as it is to, and everything else goes on."""
        health: Health = self.site.health
        saying = Deferred.fromCoroutine(health.drain())
        self.assertAnswer(self.client.get(b"/health"), 503, "draining")
        self.assertPublished(self.client.get(b"/?content=X"), ("broadcast", b"X", True, None))
        self.successResultOf(saying)
