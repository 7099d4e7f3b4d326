"""The bodies of requests: JSON, or one JSON value a line. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from tpush.publisher.errors import BadRequest, UnsupportedBody
from tpush.publisher.request import PublisherRequest

JSON = b"application/json"
NDJSON = b"application/x-ndjson"
"""One JSON value a line, https://github.com/ndjson/ndjson-spec."""


def kind_of(request: PublisherRequest, *kinds: bytes) -> bytes:
    """Return the type of a request's body, by default the first of *kinds*.

    Raises:
        UnsupportedBody: it is none of them, or compressed.
    """
    if request.requestHeaders.hasHeader(b"Content-Encoding"):
        raise UnsupportedBody("a body that is compressed is not read")
    said = request.getHeader(b"Content-Type")
    kind = kinds[0] if said is None else said.partition(b";")[0].strip().lower()
    if kind not in kinds:
        raise UnsupportedBody(f"a body is {b' or '.join(kinds).decode()}")
    return kind


def read_json(body: bytes) -> Any:
    """Return what a body says.

    Raises:
        BadRequest: it is no JSON.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is no JSON") from None


def read_lines(body: bytes) -> Sequence[bytes]:
    """Return the lines of a body that have anything in them."""
    return [line for line in body.split(b"\n") if line.strip()]
