"""Paths where nothing is."""

from tests.publisher.client import SiteTestCase, head

NOTHING = "there is nothing at this path"


class MissingTests(SiteTestCase):
    def test_paths(self) -> None:
        """Where nothing is, that is the answer, at any depth."""
        for path in (b"/x", b"/x/", b"/x/y", b"/favicon.ico", b"/..", b"/%00"):
            self.assertAnswer(self.client.get(path), 404, NOTHING)

    def test_methods(self) -> None:
        """A method that nobody has heard of makes no difference there."""
        for method in (b"POST", b"OPTIONS", b"BREW", b"get"):
            self.assertAnswer(self.client.get(b"/x", method), 404, NOTHING)

    def test_not_shown_back(self) -> None:
        """Nothing of the request is in the answer."""
        self.client.send(head(b"GET /<script>", b"X-Mark: <script>"))
        self.assertNotIn(b"script", self.client.received())
