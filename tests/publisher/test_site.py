"""The site as a whole."""

from typing import cast
from unittest.mock import patch

from twisted.logger import capturedLogs
from twisted.web import http

from tests.publisher.client import Client, SiteTestCase, head
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.publisher.site import PublisherSite


class SiteTests(SiteTestCase):
    def test_http1_alone(self) -> None:
        """TLS clients are offered HTTP/1.1 and nothing else, whatever is installed."""
        with patch.object(http, "H2_ENABLED", new=True):
            self.assertEqual(self.site.acceptableProtocols(), [b"http/1.1"])

    def test_no_access_log(self) -> None:
        """A request leaves no line in a log."""
        with capturedLogs() as events:
            for target in (b"/?content=X", b"/?to_worker_id=1", b"/x", b"/health"):
                for method in (b"GET", b"HEAD", b"BREW"):
                    self.client.send(head(b"%b %b" % (method, target)))
        self.assertEqual(list(events), [])

    def test_starts_quietly(self) -> None:
        """Neither does its start or its end: its service says that."""
        self.site.doStop()
        with capturedLogs() as events:
            self.site.doStart()
            self.site.doStop()
        self.assertEqual(list(events), [])
        self.site.doStart()

    def test_idle_site(self) -> None:
        """A site without clients does nothing by itself."""
        self.client.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.client = self.connect()

    def test_sites_have_their_own_limits(self) -> None:
        """Two sites in one process may have different bounds."""
        channel = cast(IChannel, self.channel)
        small = Client(PublisherSite(channel, self.clock, Limits(request_line=64)))
        target = b"/?content=" + b"x" * 100
        self.assertEqual(small.get(target).status, 414)
        self.assertEqual(self.client.get(target).status, 200)
        small.leave()
