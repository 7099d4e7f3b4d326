"""What a publisher does not take on."""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.publisher.client import SiteTestCase, TCPTransport
from tpush.limits import Limits
from tpush.net.lag import EVERY, LagMeter
from tpush.publisher.site import PublisherSite
from tpush.receipt import Counts, Receipt

ASKING = b"GET /?content=X&receipt=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


class LoadTests(SiteTestCase):
    """A site that takes three connections and two requests at once."""

    limits = Limits(http_connections=3, requests=2, lag=0.5)

    @override
    def setUp(self) -> None:
        self.lag = 0.0
        super().setUp()

    @override
    def make_site(self, channel: Any) -> PublisherSite:
        return PublisherSite(channel, self.clock, self.limits, None, lambda: self.lag)

    def test_requests(self) -> None:
        """One that is too many is told to come back, and is not published; others are answered."""
        others = [self.connect() for _ in range(2)]
        for other in others:
            other.send(ASKING)
        answer = self.client.get(b"/?content=Y")
        self.assertEqual((answer.status, answer.headers[b"retry-after"]), (503, b"1"))
        self.assertIn(b"2 requests are under way", answer.body)
        self.assertEqual(len(self.channel.published), 2)
        self.assertEqual(self.site.metrics.refused[503], 1)
        for other, receipt in zip(others, self.channel.receipts, strict=True):
            receipt.callback(Receipt(Counts(1), 1, 0))
            [answer] = other.answers()
            self.assertEqual(answer.status, 200)
            other.leave()

    def test_bodies_to_come(self) -> None:
        """A request counts from its head on, so that bodies do not fill the memory."""
        head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        others = [self.connect() for _ in range(2)]
        for other in others:
            other.send(head)
        self.assertEqual(self.client.get(b"/?content=Y").status, 503)
        for other in others:
            other.leave()
        client = self.connect()
        self.assertEqual(client.get(b"/?content=Y").status, 200)
        client.leave()

    def test_connections(self) -> None:
        """One that is too many is answered and closed; when one has left there is room."""
        others = [self.connect() for _ in range(2)]
        transport = TCPTransport()
        one_more = self.connect(transport)
        self.assertTrue(one_more.received().startswith(b"HTTP/1.1 503 "))
        self.assertTrue(transport.disconnecting)
        one_more.leave()
        self.assertEqual(self.site.metrics.full, 1)
        others.pop().leave()
        others.append(self.connect())
        self.assertEqual(others[-1].get(b"/?content=X").status, 200)
        for other in others:
            other.leave()

    def test_late(self) -> None:
        """While the reactor is late no publish is taken; health is still told."""
        self.lag = 0.6
        answer = self.client.get(b"/?content=X")
        self.assertEqual((answer.status, self.channel.published), (503, []))
        self.assertIn(b"0.6 s late", answer.body)
        self.assertEqual(self.client.get(b"/health").status, 200)
        self.lag = 0.4
        self.assertEqual(self.client.get(b"/?content=X").status, 200)

    def test_fields(self) -> None:
        """More fields than there may be are refused, and counted."""
        self.assertEqual(self.client.get(b"/?" + b"&".join([b"a=b"] * 1001)).status, 400)
        self.assertEqual(self.site.metrics.refused[400], 1)

    def test_refused_before_the_end(self) -> None:
        """What is refused while it arrives is counted too."""
        self.client.send(b"GET /" + b"x" * 20_000)
        self.assertEqual(self.site.metrics.refused[414], 1)


class LagTests(SynchronousTestCase):
    """How late a reactor is."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.meter = LagMeter(self.clock)
        self.meter.startService()

    def test_in_time(self) -> None:
        """A reactor with nothing to do is not late."""
        self.clock.pump([EVERY] * 10)
        self.assertEqual(self.meter.seconds, 0)

    def test_late(self) -> None:
        """It is as late as its timers are, twice in a row, and in time again at the next look."""
        self.late(2)
        self.assertEqual(self.meter.seconds, 0)
        self.clock.rightNow += EVERY + 3
        self.assertEqual(self.meter.seconds, 2)
        self.clock.advance(0)
        self.late(3)
        self.assertEqual(self.meter.seconds, 3)
        self.clock.advance(EVERY)
        self.assertEqual(self.meter.seconds, 0)

    def test_stopped_once(self) -> None:
        """A process that was stopped for a while is not overloaded."""
        self.late(100)
        self.assertEqual(self.meter.seconds, 0)
        self.clock.advance(EVERY)
        self.assertEqual(self.meter.seconds, 0)

    def late(self, seconds: float) -> None:
        """Let the reactor come to its timers that much too late."""
        self.clock.rightNow += EVERY + seconds
        self.clock.advance(0)

    def test_stop(self) -> None:
        """It leaves no timer, and is not late."""
        self.meter.stopService()
        self.assertEqual((self.clock.getDelayedCalls(), self.meter.seconds), ([], 0))
