"""One request, and what there is to be done until it has its answer. Pure."""

import json
from dataclasses import dataclass
from typing import Protocol

from tpush.http.errors import PublishFailed
from tpush.http.outcome import Answer


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent.

    Args:
        path: below the publisher's URL, with a query where it has one.
        body: JSON; where it is empty nothing is changed by it.
    """

    path: str
    body: bytes = b""

    @property
    def method(self) -> str:
        """Of HTTP."""
        return "POST" if self.body else "GET"


def as_body(said: object) -> bytes:
    """Return a value as JSON, in UTF-8: with escapes a text may be twice as long as it is.

    Args:
        said: it. Half a character goes along, for the publisher to refuse.

    Raises:
        ValueError: it has what JSON has not.
    """
    return json.dumps(said, allow_nan=False, ensure_ascii=False).encode(errors="surrogatepass")


class Exchange(Protocol):
    """What is sent, again perhaps, until it is settled."""

    @property
    def request(self) -> Request:
        """What to send now."""
        ...

    def answered(self, answer: Answer) -> float | None:
        """Take an answer; return the seconds to wait before the next request, or None at the end.

        Args:
            answer: to the last request.
        """
        ...

    def failed(self, error: PublishFailed, asked: float = 0.0) -> float | None:
        """Take a failure of the last request; return as :meth:`answered` does.

        Args:
            error: what happened.
            asked: seconds that the publisher wants to be left alone.
        """
        ...
