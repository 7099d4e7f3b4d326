"""Keys of tokens, as they stand in files.

Secrets stand one a line; keys of a pair in PEM (:rfc:`7468`). A comment ``# kid: name`` names the
key that follows it. Which algorithm goes with a key is settled here, by the key.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import HMACAlgorithm
from typing_extensions import override

from tpush.access import read_file
from tpush.errors import UnsafeSecret

SHORTEST = 32
"""Bytes of a secret: as many as the hash has, :rfc:`7518#section-3.2`."""

SMALLEST_RSA = 2048
"""Bits of an RSA key, :rfc:`7518#section-3.3`."""

HS256 = "HS256"
KID = re.compile(rb"#\s*kid:\s*(\S+)\s*")
PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Key:
    """One key that checks: with the algorithm that it is for, and what a token may call it."""

    kid: str | None
    algorithm: str
    key: Any


@dataclass(frozen=True, slots=True)
class Signing:
    """One key that signs, and the one that checks what it has signed: of a secret, the same."""

    key: Any
    checks: Key


class LookedAt(HMACAlgorithm):
    """HMAC with a secret that was looked at when it was read.

    PyJWT's own looks, for each token, whether the secret is a key of another kind: a third of the
    time that a token takes.
    """

    @override
    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else key.encode()


def read_secrets(path: str) -> Iterator[Key]:
    """Yield the secrets of a file, each of at least 32 bytes.

    Raises:
        UnsafeSecret: it cannot be used.
    """
    content = read_file(path, private=True)
    if b"-----BEGIN" in content or content.lstrip().startswith((b"{", b"[")):
        raise UnsafeSecret(f"{path} holds a key of another kind, not secrets one a line")
    kid, found = None, False
    for number, line in enumerate(map(bytes.strip, content.splitlines()), 1):
        if name := KID.fullmatch(line):
            kid = name[1].decode(errors="replace")
        elif line and not line.startswith(b"#"):
            if len(line) < SHORTEST:
                raise UnsafeSecret(
                    f"line {number} of {path} has {len(line)} bytes, and a secret for tokens "
                    f"needs {SHORTEST}"
                )
            yield Key(kid, HS256, _secret(line, f"line {number} of {path}"))
            kid, found = None, True
    if not found:
        raise UnsafeSecret(f"{path} has no secret in it")


def read_public_keys(path: str) -> list[Key]:
    """Return the public keys of a file: RSA is for RS256, P-256 for ES256, Ed25519 for EdDSA.

    Raises:
        UnsafeSecret: it cannot be used.
    """
    keys: list[Key] = []
    for kid, label, block in _blocks(read_file(path, private=False)):
        if b"PRIVATE" in label:
            raise UnsafeSecret(f"{path} holds a private key: give its public half alone")
        what = f"key {len(keys) + 1} of {path}"
        key = _load(load_pem_public_key, block, what)
        keys.append(Key(kid, _algorithm(key, what), key))
    if not keys:
        raise UnsafeSecret(f"{path} has no public key in it")
    return keys


def read_secret_to_sign(path: str) -> Signing:
    """Return the first secret of a file.

    Raises:
        UnsafeSecret: it cannot be used.
    """
    first = next(read_secrets(path))
    return Signing(first.key, first)


def read_private_key(path: str) -> Signing:
    """Return the first private key of a file; whatever else is in it is not looked at.

    Raises:
        UnsafeSecret: it cannot be used.
    """
    for kid, label, block in _blocks(read_file(path, private=True)):
        if label.endswith(b"PRIVATE KEY"):
            what = f"the private key of {path}"
            key = _load(lambda pem: load_pem_private_key(pem, None), block, what)
            public = key.public_key() if hasattr(key, "public_key") else None
            return Signing(key, Key(kid, _algorithm(public, what), public))
    raise UnsafeSecret(f"{path} has no private key in it")


def _secret(secret: bytes, what: str) -> jwt.PyJWK:
    try:
        HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    except jwt.InvalidKeyError:
        raise UnsafeSecret(f"{what} is a key of another kind, no secret") from None
    encoded = urlsafe_b64encode(secret).rstrip(b"=").decode()
    key = jwt.PyJWK({"kty": "oct", "alg": HS256, "k": encoded})
    key.Algorithm = LookedAt(LookedAt.SHA256)
    return key


def _blocks(content: bytes) -> Iterator[tuple[str | None, bytes, bytes]]:
    """Yield the name that stands before each PEM block, its label, and all of it."""
    end = 0
    for block in PEM.finditer(content):
        names = KID.findall(content[end : block.start()])
        yield names[-1].decode(errors="replace") if names else None, block[1], block[0]
        end = block.end()


def _load(load: Callable[[bytes], Any], block: bytes, what: str) -> Any:
    try:
        return load(block)
    except TypeError:  # it asks for a password, as one who could give it would see
        raise UnsafeSecret(f"{what} is encrypted: give it without a password") from None
    except Exception:  # noqa: BLE001 - its parsers raise what they like
        raise UnsafeSecret(f"{what} cannot be read") from None


def _algorithm(key: Any, what: str) -> str:
    if isinstance(key, RSAPublicKey):
        if key.key_size < SMALLEST_RSA:
            raise UnsafeSecret(f"{what} has {key.key_size} bits, and RSA needs {SMALLEST_RSA}")
        return "RS256"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return "ES256"
    if isinstance(key, Ed25519PublicKey):
        return "EdDSA"
    raise UnsafeSecret(f"{what} is not RSA, P-256 or Ed25519")
