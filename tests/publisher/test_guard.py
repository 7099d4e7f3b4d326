"""Who may publish."""

from pathlib import Path

from typing_extensions import override

from tests.publisher.client import SiteTestCase
from tpush.access import KeyRing
from tpush.publisher.guard import Guard

KEY, OLD = b"0123456789abcdef", b"fedcba9876543210"


class GuardCase(SiteTestCase):
    """Requests with headers of their own."""

    def status(self, *headers: bytes, target: bytes = b"/?content=X") -> int:
        lines = [b"GET %s HTTP/1.1" % target, *headers, b"", b""]
        answer = self.client.ask(b"\r\n".join(lines))
        self.headers = answer.headers
        return answer.status


class KeyTests(GuardCase):
    """With keys: whoever has one."""

    @override
    def guard(self) -> Guard:
        path = Path(self.mktemp())
        path.write_bytes(KEY + b"\n" + OLD)
        path.chmod(0o600)
        return Guard(KeyRing(str(path)))

    def test_with(self) -> None:
        """A key in either header opens, the old one too, from any site."""
        for header in (
            b"Authorization: Bearer " + KEY,
            b"authorization: bearer " + OLD,
            b"X-API-Key: " + KEY,
        ):
            with self.subTest(header=header):
                site = (b"Host: evil.test", b"Origin: https://evil.test")
                self.assertEqual(self.status(*site, header), 200)

    def test_without(self) -> None:
        """No key and a wrong one are answered alike, and nothing is published."""
        for headers in (
            [],
            [b"Authorization: Bearer wrong"],
            [b"Authorization: Basic " + KEY],
            [b"X-API-Key: "],
            [b"X-API-Key: \xff"],
        ):
            with self.subTest(headers=headers):
                self.assertEqual(self.status(b"Host: localhost", *headers), 401)
                self.assertEqual(self.headers[b"www-authenticate"], b'Bearer realm="tpush"')
        self.assertEqual(self.channel.published, [])

    def test_health(self) -> None:
        """Whether it is well, anybody may ask."""
        self.assertEqual(self.status(b"Host: localhost", target=b"/health"), 200)


class SiteTests(GuardCase):
    """Without keys: whoever can connect, but no page of another site."""

    @override
    def guard(self) -> Guard:
        return Guard(hosts={"push.test"})

    def test_let_through(self) -> None:
        """Programs, addresses typed by hand, and pages that came from here."""
        for headers in (
            [b"Host: 127.0.0.1:4237"],
            [b"Host: push.test"],
            [b"Host: localhost:4237", b"Sec-Fetch-Site: none"],
            [b"Host: localhost:4237", b"Sec-Fetch-Site: same-origin", b"Origin: http://localhost"],
            [b"Host: [::1]:4237", b"Origin: http://[::1]:8000"],
        ):
            with self.subTest(headers=headers):
                self.assertEqual(self.status(*headers), 200)

    def test_kept_out(self) -> None:
        """Whatever says that a page of another site is behind it, rebound names too."""
        for headers in (
            [b"Host: localhost", b"Sec-Fetch-Site: cross-site"],
            [b"Host: localhost", b"Sec-Fetch-Site: same-site"],
            [b"Host: localhost", b"Origin: https://evil.test"],
            [b"Host: localhost", b"Origin: null"],
            [b"Host: evil.test"],
            [b"Host: evil.test", b"Origin: http://evil.test"],
            [b"Host: localhost.evil.test:4237"],
        ):
            with self.subTest(headers=headers):
                self.assertEqual(self.status(*headers), 403)
        self.assertEqual(self.channel.published, [])

    def test_whole_url(self) -> None:
        """Where the target names the host, the Host does not count; RFC 9112 section 3.2.2."""
        ours, evil = b"http://localhost/?content=X", b"http://evil.test/?content=X"
        self.assertEqual(self.status(b"Host: evil.test", target=ours), 200)
        self.channel.published.clear()
        self.assertEqual(self.status(b"Host: localhost", target=evil), 403)
        origin = b"Origin: http://evil.test"
        self.assertEqual(self.status(b"Host: evil.test", origin, target=ours), 403)
        self.assertEqual(self.channel.published, [])

    def test_no_host(self) -> None:
        """What is no host is nobody's: whoever says so is refused, in one line."""
        self.assertEqual(self.status(b"Host: localhost", b"Origin: http://["), 403)
        self.assertEqual(self.status(b"Host: [::::]"), 403)
        self.assertEqual(self.channel.published, [])
        self.assertEqual(self.flushLoggedErrors(), [])
