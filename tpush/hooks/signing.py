"""Signatures that show a back end who calls it, as Standard Webhooks has them. Pure.

What is signed is the name of a call, the time of the attempt and the body; one that was overheard
can be told by its time, and one that comes twice by its name. The specification is
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

PREFIX = b"whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret."""


def read_secret(text: bytes) -> bytes:
    """Return the secret that *text* stands for.

    Args:
        text: its base64, which may have ``whsec_`` before it.

    Raises:
        ValueError: it is none; nothing of it is in the error.
    """
    encoded = text.removeprefix(PREFIX)
    try:
        secret = b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        secret = b""
    if not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"whsec_ and the base64 of {SHORTEST} to {LONGEST} random bytes")
    return secret


def headers(secrets: Sequence[bytes], name: str, time: float, body: bytes) -> dict[str, str]:
    """Return the headers that go with a body.

    Args:
        secrets: one signature is made with each, so that they can be rotated.
        name: of this call, the same at each attempt; without a full stop.
        time: of this attempt, in seconds since 1970.
        body: as it is sent.
    """
    stamp = str(int(time))
    signed = b".".join((name.encode(), stamp.encode(), body))
    digests = (hmac.digest(secret, signed, hashlib.sha256) for secret in secrets)
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests),
    }
