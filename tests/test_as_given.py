"""URLs for treq."""

from hyperlink import EncodedURL
from twisted.trial.unittest import SynchronousTestCase

from tpush.as_given import AsGiven, check_host


class AsGivenTests(SynchronousTestCase):
    """What becomes of a URL on its way through treq."""

    def check_sent(self, url: str, sent: str) -> None:
        self.assertEqual(AsGiven.from_text(url).to_uri().to_text(), sent)

    def test_addresses(self) -> None:
        """An address stays one."""
        self.check_sent("http://[::1]:4237/v1/info", "http://[::1]:4237/v1/info")
        self.check_sent("https://[2001:db8::7]/", "https://[2001:db8::7]/")
        self.check_sent("http://127.0.0.1:4237/?a=b", "http://127.0.0.1:4237/?a=b")

    def test_others(self) -> None:
        """All else is as treq has it by itself."""
        for url in (
            "http://push.example.com",
            "http://münchen.example:8000/ä?ö=1",
            'http://h/a|b/%2F%zz?x="1"&y#z',
        ):
            self.check_sent(url, EncodedURL.from_text(url).to_uri().to_text())


class CheckHostTests(SynchronousTestCase):
    """Which hosts can be connected to."""

    def test_known(self) -> None:
        """Names, and addresses of both kinds."""
        for url in (
            "http://127.0.0.1:4237",
            "http://[::1]:4237/x",
            "ws://localhost",
            "https://Push.example.com./?a=b",
            "http://münchen.example",
        ):
            check_host(url)

    def test_unknown(self) -> None:
        """A name that Twisted takes for none is told apart before it is called, with its reason."""
        for url, said in (
            ("http://web_1:4237", "'web_1' is no name of a host"),
            ("ws://-a", "hyphen"),
            ("http://xn--a", "is no name of a host"),
            ("http://[fe80::1%25eth0]:1", "cannot be read"),
        ):
            error = self.assertRaises(ValueError, check_host, url)
            self.assertIn(said, str(error))
