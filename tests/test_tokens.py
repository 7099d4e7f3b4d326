"""Connection tokens: what is accepted, what is refused, and why."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.claims import Claims
from tpush.errors import TokenExpired, TokenRefused, UnsafeSecret
from tpush.token_files import read_private_key
from tpush.tokens import Checker, TokenKeys, sign

SECRET, OTHER = b"a secret of thirty-two bytes, or so", b"another one of at least thirty-two"
PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def private_pem(key: Any, encryption: KeySerializationEncryption | None = None) -> bytes:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    return pem


def base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signed(header: bytes, body: bytes, key: bytes) -> str:
    """Return a token that no library would sign."""
    text = base64url(header) + b"." + base64url(body)
    return (text + b"." + base64url(hmac.new(key, text, hashlib.sha256).digest())).decode()


class TokenCase(SynchronousTestCase):
    """Keys in files of a folder."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def file(self, name: str, content: bytes, mode: int = 0o600) -> str:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def secrets(self, content: bytes = SECRET, **options: Any) -> TokenKeys:
        return TokenKeys(self.file("secrets", content), **options)

    def token(
        self, key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any
    ) -> str:
        headers = None if kid is None else {"kid": kid}
        return jwt.encode(claims, key, algorithm=algorithm, headers=headers)

    def refused(self, keys: TokenKeys, token: str) -> str:
        return str(self.assertRaises(TokenRefused, keys.check, token))


class CheckTests(TokenCase):
    """A token is checked by a key of ours, as the key has it."""

    def test_claims(self) -> None:
        """It says who its holder is, which groups it may join, and how long it is good for."""
        end = int(time.time()) + 100
        claims = self.secrets(leeway=5).check(
            self.token(sub="ann", groups=["news", "sport"], exp=end)
        )
        self.assertEqual((claims.user, claims.groups), ("ann", {"news", "sport"}))
        assert claims.seconds is not None
        self.assertTrue(103 < claims.seconds <= 105, claims.seconds)

    def test_nothing_said(self) -> None:
        """A token may say nothing at all."""
        self.assertEqual(self.secrets().check(self.token()), Claims())

    def test_each_algorithm(self) -> None:
        """A public key checks the algorithm of its kind."""
        keys = TokenKeys("", self.file("keys", b"".join(map(public_pem, PRIVATE.values()))))
        for algorithm, private in PRIVATE.items():
            self.assertEqual(keys.check(self.token(private, algorithm, sub="ann")).user, "ann")

    def test_algorithm_is_not_chosen_by_the_token(self) -> None:
        """Neither none, nor HS256 with the text of a public key, nor another hash, opens."""
        pem = public_pem(PRIVATE["RS256"])
        keys = TokenKeys(self.file("secrets", SECRET), self.file("keys", pem))
        forged = []
        for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "NONE", "typ": "JWT"}):
            head = base64url(json.dumps(header).encode()).decode()
            forged.append(f"{head}.{self.token().split('.')[1]}.")
        forged.append(signed(b'{"alg":"HS256"}', b"{}", pem))
        forged.append(self.token(SECRET, "HS512"))
        forged.append(self.token(PRIVATE["RS256"], "PS256"))
        for token in forged:
            self.refused(keys, token)

    def test_several_secrets(self) -> None:
        """Any of several secrets opens, so that they can be rotated."""
        keys = self.secrets(b"# old, then new\n" + SECRET + b"\n\n" + OTHER + b"\n")
        for secret in SECRET, OTHER:
            keys.check(self.token(secret))
        self.assertIn("not signed", self.refused(keys, self.token(b"a third one, long enough too")))

    def test_kid(self) -> None:
        """A token that names a key is checked with that one; of an unknown name, the unnamed."""
        keys = self.secrets(b"# kid: mine\n" + SECRET + b"\n" + OTHER + b"\n")
        keys.check(self.token(kid="mine"))
        keys.check(self.token())
        keys.check(self.token(OTHER, kid="unheard of"))
        self.refused(keys, self.token(OTHER, kid="mine"))
        self.refused(keys, self.token(SECRET, kid="unheard of"))

    def test_kid_of_a_public_key(self) -> None:
        """A comment before a PEM key names it."""
        pems = [b"# kid: %s\n%s" % (kid.encode(), public_pem(k)) for kid, k in PRIVATE.items()]
        keys = TokenKeys("", self.file("keys", b"\n".join(pems)))
        for algorithm, private in PRIVATE.items():
            keys.check(self.token(private, algorithm, kid=algorithm))
        self.refused(keys, self.token(PRIVATE["ES256"], "ES256", kid="RS256"))

    def test_a_name_is_for_one_key(self) -> None:
        """The last name before a key is its name; a key without one has none of those before."""
        named, unnamed = PRIVATE["ES256"], ec.generate_private_key(ec.SECP256R1())
        file = b"# kid: not this\n# kid: mine\n" + public_pem(named) + public_pem(unnamed)
        keys = TokenKeys("", self.file("keys", file))
        keys.check(self.token(named, "ES256", kid="mine"))
        keys.check(self.token(unnamed, "ES256", kid="unheard of"))
        self.refused(keys, self.token(named, "ES256", kid="not this"))
        self.refused(keys, self.token(unnamed, "ES256", kid="mine"))

    def test_both_files(self) -> None:
        """Secrets and public keys count at once."""
        keys = TokenKeys(
            self.file("secrets", SECRET), self.file("keys", public_pem(PRIVATE["EdDSA"]))
        )
        keys.check(self.token())
        keys.check(self.token(PRIVATE["EdDSA"], "EdDSA"))

    def test_times(self) -> None:
        """A token is good from its nbf to its exp, give or take the leeway."""
        now, keys = int(time.time()), self.secrets(leeway=30)
        keys.check(self.token(nbf=now + 20, exp=now - 20))
        self.assertRaises(TokenExpired, keys.check, self.token(exp=now - 40))
        for token in (self.token(nbf=now + 60), self.token(iat=now + 60)):
            self.assertIn("not valid yet", self.refused(keys, token))

    def test_end_far_away(self) -> None:
        """An end that no timer holds is an end in ten years."""
        seconds = self.secrets().check(self.token(exp=10**400)).seconds
        self.assertEqual(seconds, 10 * 365 * 86_400)

    def test_audience_and_issuer(self) -> None:
        """Where one is asked for it has to be there; an audience that nobody asks for is wrong."""
        asked = self.secrets(audience="push", issuer="shop")
        asked.check(self.token(aud=["push", "mail"], iss="shop"))
        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({}, "needed"),
            ({"aud": "push"}, "needed"),
            ({"aud": "mail", "iss": "shop"}, "audience"),
            ({"aud": "push", "iss": "else"}, "issuer"),
        )
        for claims, why in cases:
            self.assertIn(why, self.refused(asked, self.token(**claims)))
        self.assertIn("audience", self.refused(self.secrets(), self.token(aud="push")))

    def test_hostile(self) -> None:
        """Whatever else comes as a token is refused, and by no other error."""
        keys = self.secrets()
        good = self.token(sub="ann")
        head, body, mac = good.split(".")
        deep = base64.urlsafe_b64encode(b"[" * 5000).decode()
        for token in (
            "", ".", "..", "a.b.c", "é.é.é", "\x00", good[:-2], good + "x", f"{head}.{body}",
            f"{head}.{body}.{mac}.{mac}", f"{deep}.{body}.{mac}", "x" * 10_000, good.upper(),
            self.token(sub=""), self.token(sub="x" * 300), self.token(groups="news"),
            self.token(groups=[1]), self.token(groups=[["news"]]), self.token(groups=[""]),
            self.token(groups={"a": 1}), self.token(exp="soon"), self.token(exp=float("inf")),
            self.token(exp=float("nan")), self.token(exp=[1]), self.token(nbf={}),
        ):  # fmt: skip
            reason = self.refused(keys, token)
            self.assertTrue(reason.isascii() and len(reason) < 120, reason)

    def test_too_long(self) -> None:
        """A token that is longer than any has to be is not even looked at."""
        self.assertIn("at most 8192", self.refused(self.secrets(), self.token(more="x" * 8192)))

    def test_sub_is_text(self) -> None:
        """A user is text, whatever a library would sign."""
        token = signed(b'{"alg":"HS256"}', b'{"sub":7}', SECRET)
        self.assertIn("no text", self.refused(self.secrets(), token))


class FileTests(TokenCase):
    """What may stand in a file of keys."""

    def wrong(self, secret: bytes | None = None, public: bytes | None = None) -> str:
        files = (
            "" if secret is None else self.file("secrets", secret),
            "" if public is None else self.file("keys", public),
        )
        return str(self.assertRaises(UnsafeSecret, TokenKeys, *files))

    def test_secrets(self) -> None:
        """A secret is long enough, and no key of another kind."""
        self.assertIn("needs 32", self.wrong(b"x" * 31))
        self.assertIn("has no secret", self.wrong(b"# nothing\n"))
        for content in (public_pem(PRIVATE["RS256"]), b'{"kty": "oct", "k": "c2VjcmV0"}', b"[1]"):
            self.assertIn("another kind", self.wrong(content))
        public = PRIVATE["EdDSA"].public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self.assertIn("line 1 of", self.wrong(line))

    def test_public_keys(self) -> None:
        """A public key is one that can be used, and is public."""
        private = private_pem(PRIVATE["EdDSA"])
        self.assertIn("private key", self.wrong(public=private))
        self.assertIn("no public key", self.wrong(public=b"nothing"))
        self.assertIn(
            "needs 2048",
            self.wrong(public=public_pem(rsa.generate_private_key(65537, 1024))),  # noqa: S505
        )
        for key in (ec.generate_private_key(ec.SECP384R1()), dsa.generate_private_key(1024)):  # noqa: S505
            self.assertIn("P-256", self.wrong(public=public_pem(key)))
        broken = public_pem(PRIVATE["ES256"]).replace(b"M", b"!", 1)
        self.assertIn("cannot be read", self.wrong(public=broken))

    def test_private_key(self) -> None:
        """It is the first of its file, for nobody else to read, and of a kind that can be used."""
        one, other = PRIVATE["ES256"], ec.generate_private_key(ec.SECP256R1())
        parameters = (
            b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        )
        old = one.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        for pem in (old, private_pem(one)):
            file = parameters + b"# kid: mine\n" + pem + private_pem(other)
            signing = read_private_key(self.file("key", file))
            self.assertEqual((signing.checks.kid, signing.checks.algorithm), ("mine", "ES256"))
            token = sign({"sub": "ann"}, signing)
            self.assertEqual(Checker([signing.checks]).check(token).user, "ann")
        locked = private_pem(one, BestAvailableEncryption(b"hunter2"))
        small = rsa.generate_private_key(65537, 1024)  # noqa: S505
        for content, mode, said in (
            (private_pem(one), 0o604, "others may read"),
            (b"nothing", 0o600, "has no private key in it"),
            (public_pem(one), 0o600, "has no private key in it"),
            (locked, 0o600, "is encrypted"),
            (private_pem(one).replace(b"M", b"!", 1), 0o600, "cannot be read"),
            (private_pem(small), 0o600, "needs 2048"),
            (private_pem(ec.generate_private_key(ec.SECP384R1())), 0o600, "not RSA, P-256 or"),
            (private_pem(x25519.X25519PrivateKey.generate()), 0o600, "not RSA, P-256 or"),
        ):
            path = self.file("key", content, mode)
            error = self.assertRaises(UnsafeSecret, read_private_key, path)
            self.assertIn(said, str(error))
            self.assertIn(path, str(error))

    def test_modes(self) -> None:
        """Others may not read secrets, nor write either file; they may read public keys."""
        secrets = self.file("secrets", SECRET, 0o604)
        self.assertIn("others may read", str(self.assertRaises(UnsafeSecret, TokenKeys, secrets)))
        pem = public_pem(PRIVATE["ES256"])
        TokenKeys("", self.file("keys", pem, 0o644))
        self.assertRaises(UnsafeSecret, TokenKeys, "", self.file("keys", pem, 0o646))

    def test_reload(self) -> None:
        """What is read again counts; what cannot be used does not."""
        keys = self.secrets()
        self.file("secrets", b"short")
        self.assertRaises(UnsafeSecret, keys.reload)
        keys.check(self.token())
        self.file("secrets", OTHER)
        keys.reload()
        keys.check(self.token(OTHER))
        self.refused(keys, self.token())
