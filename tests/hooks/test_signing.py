"""Signatures of calls, and the files that they come from."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.keys import OTHER, SECRET, secret_file, verify, written
from tpush.errors import UnsafeSecret
from tpush.hooks.keys import SigningKeys
from tpush.hooks.signing import headers, read_secret

NAME = "msg_p5jXN8AQM9LWM0D4loKWxJek"


class SigningTests(SynchronousTestCase):
    """As Standard Webhooks has it."""

    def test_the_example_of_the_specification(self) -> None:
        """What its libraries are tested with is signed in the same way."""
        secret = read_secret(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        made = headers([secret], NAME, 1614265330, b'{"test": 2432232314}')
        self.assertEqual(
            made,
            {
                "webhook-id": NAME,
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
        )

    def test_two_secrets(self) -> None:
        """Whoever has one of the secrets can verify what is signed; nobody else can."""
        made = headers([SECRET, OTHER], "msg_1", 1.9, b"body")
        self.assertEqual(made["webhook-timestamp"], "1")
        for secret in (SECRET, OTHER):
            self.assertEqual(verify(made, b"body", secret), "msg_1")
        self.assertRaises(AssertionError, verify, made, b"body", bytes(32))
        self.assertRaises(AssertionError, verify, made, b"another body")

    def test_secrets(self) -> None:
        """A secret is base64 of 24 to 64 bytes, with or without its prefix and its padding."""
        for text in (written(SECRET), written(SECRET)[6:], written(SECRET).rstrip("=")):
            self.assertEqual(read_secret(text.encode()), SECRET)
        for size, wrong in ((23, True), (24, False), (64, False), (65, True)):
            encoded = written(bytes(size)).encode()
            if wrong:
                self.assertRaises(ValueError, read_secret, encoded)
            else:
                read_secret(encoded)
        for text in ("", "whsec_", "whsec_no-base64_but-urlsafe_" + "A" * 20, "hunter2 hunter2"):
            error = self.assertRaises(ValueError, read_secret, text.encode())
            self.assertNotIn("hunter2", str(error))


class SigningKeysTests(SynchronousTestCase):
    """A file of secrets."""

    def test_reload(self) -> None:
        """It is read again when it has changed; where it cannot be used, what was there stays."""
        path = secret_file(self)
        keys = SigningKeys(str(path))
        path.write_text(f"# new\n{written(OTHER)}\n\n# old\n{written(SECRET)}\n")
        keys.reload()
        self.assertEqual(keys.secrets, [OTHER, SECRET])
        for wrong in ("", "whsec_hunter2hunter2hunter2", f"{written(SECRET)}\nhunter2hunter2"):
            path.write_text(wrong)
            error = self.assertRaises(UnsafeSecret, keys.reload)
            self.assertIn(str(path), str(error))
            self.assertNotIn("hunter2", str(error))
        self.assertEqual(keys.secrets, [OTHER, SECRET])

    def test_unsafe(self) -> None:
        """A file that others may read is refused, and one that is not there."""
        path = secret_file(self)
        path.chmod(0o644)
        self.assertRaises(UnsafeSecret, SigningKeys, str(path))
        self.assertRaises(UnsafeSecret, SigningKeys, str(Path(self.mktemp())))
