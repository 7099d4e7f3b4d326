"""What a publisher answers, as values and errors. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tpush.http.errors import Problem, PublishFailed, StrangeAnswer, failure
from tpush.receipt import Counts, Receipt
from tpush.retry_after import seconds_asked

TYPE = "urn:tpush:problem:"
"""Begins the type of a problem that is one of ours."""

LONGEST = 200
"""Characters that are shown of what somebody else has answered."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is held until every worker has acknowledged it; :data:`ACCEPTED` is one."""


ACCEPTED = Accepted()

Outcome = Accepted | Receipt | PublishFailed
"""What became of one publish of a batch."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request.

    Args:
        status: of HTTP.
        body: all of it.
        retry_after: what the header says, "" where there is none.
        date: the same.
    """

    status: int
    body: bytes
    retry_after: str = ""
    date: str = ""

    @property
    def pause(self) -> float:
        """Seconds for which the publisher wants nothing; 0 where it has not said."""
        return seconds_asked(self.retry_after, self.date)


def read_outcomes(answer: Answer, count: int, *, batch: bool) -> Sequence[Outcome]:
    """Return what became of each publish.

    Args:
        answer: what came back.
        count: how many publishes the request had.
        batch: whether it was a batch, or the one alone.

    Raises:
        PublishFailed: the request has failed as a whole.
        StrangeAnswer: as a whole too, since whoever answered is no publisher.
    """
    said = _json(answer.body)
    if answer.status != 200:
        error: PublishFailed = failure(_read_problem(answer.status, said, answer.body))
        raise error
    if not batch:
        return [_outcome(said, answer.body)]
    if not isinstance(said, list) or len(said) != count:
        raise StrangeAnswer(f"{count} publishes were answered with {_shown(answer.body)}")
    return [_outcome(each) for each in said]


def read_said(answer: Answer) -> Mapping[str, Any]:
    """Return the object that answers an order or a question.

    Raises:
        PublishFailed: the request has failed.
        StrangeAnswer: whoever answered is no publisher.
    """
    said = _json(answer.body)
    if answer.status != 200:
        error: PublishFailed = failure(_read_problem(answer.status, said, answer.body))
        raise error
    if not isinstance(said, dict):
        raise StrangeAnswer(f"a request was answered with {_shown(answer.body)}")
    return said


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _outcome(said: Any, body: bytes | None = None) -> Outcome:
    match said:
        case {"accepted": True}:
            return ACCEPTED
        case {"status": int(status)} if status >= 400:
            return failure(_read_problem(status, said, b""))
    receipt = _read_receipt(said)
    if receipt is None:
        shown = _shown(json.dumps(said).encode() if body is None else body)
        raise StrangeAnswer(f"a publish was answered with {shown}")
    return receipt


def _read_problem(status: int, said: Any, body: bytes) -> Problem:
    if not isinstance(said, dict):
        # What a proxy says, or the publisher before it has read the body: text, or a page.
        return Problem(status, detail=_shown(body) if body else "")
    kind, detail = str(said.get("type", "")), str(said.get("detail", ""))
    name = kind.removeprefix(TYPE) if kind.startswith(TYPE) else ""
    return Problem(status, name, _line(detail), _read_receipt(said.get("receipt")))


def _read_receipt(said: Any) -> Receipt | None:
    match said:
        case {
            "written": int(written),
            "dropped": int(dropped),
            "pending": int(pending),
            "workers": int(workers),
        }:
            missing = said.get("missing", 0)
            counts = Counts(written, dropped, pending)
            return Receipt(counts, workers, missing if isinstance(missing, int) else None)
    return None


def _shown(body: bytes) -> str:
    return repr(body[:LONGEST].decode(errors="replace").strip())


def _line(text: str) -> str:
    return text if text.isprintable() else repr(text)
