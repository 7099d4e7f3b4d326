"""The URL that says whether a publisher is of use."""

from tests.publisher.client import SiteTestCase


class HealthTests(SiteTestCase):
    def test_connected(self) -> None:
        """A publisher whose channel can be reached is healthy."""
        self.assertAnswer(self.client.get(b"/health"), 200, "ok")

    def test_away(self) -> None:
        """It is not while its channel is away, and is again once that is back."""
        self.channel.connected = False
        self.assertAnswer(self.client.get(b"/health"), 503, "channel not connected")
        self.channel.connected = True
        self.assertAnswer(self.client.get(b"/health"), 200, "ok")

    def test_publishes_nothing(self) -> None:
        """Fields mean nothing here."""
        self.assertPublished(self.client.get(b"/health?content=X&to_worker_id=1"))

    def test_other_methods(self) -> None:
        """GET and HEAD are its only methods."""
        for method in (b"POST", b"PUT", b"OPTIONS", b"BREW", b"get"):
            answer = self.client.get(b"/health", method)
            self.assertAnswer(answer, 405, "the methods here: GET, HEAD")
            self.assertEqual(answer.headers[b"allow"], b"GET, HEAD")

    def test_head(self) -> None:
        """A balancer that asks by HEAD is told the same, without a body."""
        self.client.send(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head, _, body = self.client.received().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 200 "), head)
        self.assertEqual(body, b"")

    def test_below(self) -> None:
        """There is nothing below it."""
        for path in (b"/health/", b"/health/x", b"/healthy", b"//health", b"/xhealth"):
            self.assertAnswer(self.client.get(path), 404, "there is nothing at this path")
