"""Secrets for tests, and a look at signatures that shares no code with what makes them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

SECRET = bytes(range(32))
OTHER = bytes(range(100, 148))


def written(secret: bytes) -> str:
    """Return a secret as it stands in a file."""
    return "whsec_" + base64.b64encode(secret).decode()


def secret_file(test: SynchronousTestCase, *secrets: bytes) -> Path:
    """Make a file of secrets that nobody else may read."""
    path = Path(test.mktemp()).absolute()
    path.touch(0o600)
    path.write_text("\n".join(map(written, secrets or (SECRET,))))
    return path


def verify(headers: Mapping[str, str], body: bytes, secret: bytes = SECRET) -> str:
    """Return the name of a call, as a receiver does who has one secret.

    Raises:
        AssertionError: it is not signed with it.
    """
    name, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    mac = hmac.new(secret, f"{name}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(mac).decode()
    assert wanted in headers["webhook-signature"].split(" "), headers
    assert stamp.isdigit() and "." not in name, headers
    return name
