"""Answers, and errors as programs read them: problem details, :rfc:`9457`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

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
    503: "try-later",
    504: "workers-missing",
}
"""The last part of a problem's type, by its status."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered.

    Args:
        status: the HTTP status.
        said: the body.
    """

    status: int
    said: Mapping[str, Any]

    @property
    def is_problem(self) -> bool:
        """Whether it says what is wrong."""
        return self.status >= 400


def problem(status: int, detail: str, *, name: str = "", **more: object) -> Answer:
    """Return an answer that says what is wrong.

    Args:
        status: the HTTP status.
        detail: what is wrong, for people.
        name: of the problem, where the status has several.
        more: what else programs may want to know.
    """
    said = {
        "type": TYPE + (name or NAMES[status]),
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return Answer(status, said)
