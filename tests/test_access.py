"""Where secrets and keys come from, and which names are ours."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tpush.access import KeyRing, Origins, host_of, is_ours, read_secrets, secrets_of
from tpush.errors import UnsafeSecret

SECRET, OTHER = b"0123456789abcdef", b"fedcba9876543210"


class SecretsTests(SynchronousTestCase):
    """Secrets stand in a file that others cannot read."""

    def file(self, content: bytes, mode: int = 0o600) -> str:
        path = Path(self.mktemp())
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def test_read(self) -> None:
        """One a line; comments and empty lines are passed over."""
        path = self.file(b"# the new one\n%s\n\n  %s  \r\n" % (SECRET, OTHER))
        self.assertEqual(read_secrets(path), [SECRET, OTHER])

    def test_byte_order_mark(self) -> None:
        """A mark that an editor has put before them is none of theirs."""
        self.assertEqual(read_secrets(self.file(b"\xef\xbb\xbf" + SECRET)), [SECRET])

    def test_unsafe(self) -> None:
        """A file that cannot be used says which and why, and nothing of what is in it."""
        for path, why in [
            (self.file(SECRET, 0o644), "chmod o-rw"),
            (self.file(SECRET, 0o602), "chmod o-rw"),
            (self.file(b"# nothing\n"), "has no secret in it"),
            (self.file(b"#\n\nhunter2\n"), "line 3 of "),
            ("/nonexistent", "cannot read /nonexistent: no such file or directory"),
            (os.path.dirname(self.mktemp()), "is a directory"),
        ]:
            with self.subTest(why=why):
                error = self.assertRaises(UnsafeSecret, read_secrets, path)
                self.assertIn(why, str(error))
                self.assertNotIn("hunter2", str(error))

    def test_environment(self) -> None:
        """Without a file the variable holds the secret, or nobody does."""
        self.assertEqual(secrets_of("", {"S": SECRET.decode()}, "S"), [SECRET])
        self.assertEqual(secrets_of(self.file(OTHER), {"S": SECRET.decode()}, "S"), [OTHER])
        self.assertEqual(secrets_of("", {}, "S"), [])
        error = self.assertRaises(UnsafeSecret, secrets_of, "", {"S": "hunter2"}, "S")
        self.assertNotIn("hunter2", str(error))

    def test_keys(self) -> None:
        """Each key of a file opens, and nothing else does."""
        ring = KeyRing(self.file(SECRET + b"\n" + OTHER))
        for presented, opens in [(SECRET, True), (OTHER, True), (b"", False), (b"x" * 16, False)]:
            self.assertEqual(ring.opens(presented), opens)

    def test_reload(self) -> None:
        """Keys are read again; where they cannot be, those that were there still open."""
        path = self.file(SECRET)
        ring = KeyRing(path)
        Path(path).write_bytes(OTHER)
        ring.reload()
        self.assertEqual((ring.opens(SECRET), ring.opens(OTHER)), (False, True))
        Path(path).write_bytes(b"short")
        self.assertRaises(UnsafeSecret, ring.reload)
        self.assertTrue(ring.opens(OTHER))


class OriginTests(SynchronousTestCase):
    """Which web pages may connect."""

    def check(self, origins: Origins, cases: list[tuple[str | None, str, bool]]) -> None:
        for origin, host, welcome in cases:
            with self.subTest(origin=origin, host=host):
                self.assertEqual(origins.refuse(origin, host) is None, welcome)

    def test_default(self) -> None:
        """Pages of the host that they connect to, whatever the port, and programs."""
        self.check(
            Origins(hosts=["push.test"]),
            [
                (None, "anything.test", True),
                ("http://127.0.0.1:8000", "127.0.0.1", True),
                ("http://localhost", "LOCALHOST", True),
                ("http://[::1]:1", "[::1]", True),
                ("https://Push.test", "push.test", True),
                ("https://evil.test", "127.0.0.1", False),
                ("https://evil.test", "evil.test", False),
                ("null", "localhost", False),
                ("http://localhost.evil.test", "localhost", False),
                ("", "localhost", False),
            ],
        )

    def test_given(self) -> None:
        """Origins that were given, to the letter or with a star, and no others."""
        self.check(
            Origins(["https://app.test", "https://*.example.test:8443"]),
            [
                (None, "x", True),
                ("https://app.test", "push.test", True),
                ("HTTPS://APP.TEST", "push.test", True),
                ("https://a.example.test:8443", "push.test", True),
                ("http://app.test", "push.test", False),
                ("https://app.test.evil.test", "push.test", False),
                ("https://app.test:444", "push.test", False),
                ("https://push.test", "push.test", False),
                ("null", "push.test", False),
            ],
        )
        self.check(
            Origins(["http://[::1]:8000", "http://a?"]),
            [
                ("http://[::1]:8000", "push.test", True),
                ("http://::8000", "push.test", False),
                ("http://1:8000", "push.test", False),
                ("http://ab", "push.test", False),
            ],
        )
        self.check(Origins(["file://"]), [("file://", "x", True), ("file://a", "x", False)])
        self.check(Origins(["*"]), [("null", "x", True), ("https://evil.test", "x", True)])


class HostTests(SynchronousTestCase):
    """Addresses and localhost are ours, and names that were given."""

    def test_ours(self) -> None:
        """A name that was not given may point anywhere in a moment."""
        for host in ("127.0.0.1", "192.0.2.1", "::1", "[::1]", "localhost", "LocalHost.", "a.test"):
            self.assertTrue(is_ours(host, {"a.test"}), host)
        for host in ("", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "xa.test"):
            self.assertFalse(is_ours(host, {"a.test"}), host)

    def test_host_of(self) -> None:
        """The host of a Host header, and of an origin."""
        for text, host in [
            ("localhost:4237", "localhost"),
            ("[::1]:80", "::1"),
            ("https://A.test:8443", "a.test"),
            ("null", "null"),
            ("", ""),
            ("[", "["),
            ("http://[::::]:80", "http://[::::]:80"),
        ]:
            self.assertEqual(host_of(text), host)
