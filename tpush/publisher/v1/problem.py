"""Errors as programs read them: problem details, :rfc:`9457`."""

import json
from http import HTTPStatus

from tpush.publisher.request import PublisherRequest

TYPE = "urn:tpush:problem:"
CONTENT_TYPE = b"application/problem+json"

NAMES = {
    400: "bad-request",
    401: "unauthorized",
    403: "cross-site",
    404: "no-such-resource",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-body",
    500: "internal",
    503: "try-later",
    504: "workers-missing",
}
"""The last part of a problem's type, by its status."""


def refuse(request: PublisherRequest, status: int, detail: str) -> bytes:
    """Refuse a request; return the body that says why."""
    request.refuse(status, detail)
    return body(request, status, detail)


def body(
    request: PublisherRequest, status: int, detail: str, *, name: str = "", **more: object
) -> bytes:
    """Return the body of an answer.

    Args:
        request: what is answered.
        status: its HTTP status.
        detail: what is wrong, for people.
        name: of the problem, where the status has several.
        more: what else programs may want to know.
    """
    request.setHeader(b"Content-Type", CONTENT_TYPE)
    problem = {
        "type": TYPE + (name or NAMES[status]),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return json.dumps(problem).encode() + b"\n"
