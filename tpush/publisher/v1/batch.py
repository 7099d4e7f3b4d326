"""Many publishes in one request, each answered by itself."""

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tpush.errors import TPushError
from tpush.publisher.errors import BadRequest
from tpush.publisher.v1.body import read_json, read_lines
from tpush.publisher.v1.order import read_order
from tpush.publisher.v1.problem import Answer
from tpush.publisher.v1.publishing import Publishing, refused

MOST = 1_000
"""Publishes of one request."""


def read_batch(body: bytes, *, lines: bool) -> list[Any]:
    """Return what each publish of a body says; of a line that is no JSON, its error.

    Args:
        body: of the request.
        lines: it has one JSON value a line, else it is one JSON array.

    Raises:
        BadRequest: it is no such body, or has too many.
    """
    batch = read_lines(body) if lines else read_json(body)
    if not isinstance(batch, list):
        raise BadRequest("a batch is a list of publishes")
    if len(batch) > MOST:
        raise BadRequest(f"a batch has at most {MOST} publishes, this one {len(batch)}")
    return [_line(line) for line in batch] if lines else batch


def answers(batch: Iterable[Any], publishing: Publishing) -> Deferred[list[Any]]:
    """Publish what can be published; fires with what became of each, in their order."""
    answered = [_answer(said, publishing) for said in batch]
    later = [each for each in answered if not isinstance(each, Answer)]
    return gatherResults(later).addCallback(_in_order, answered)


def _line(line: bytes) -> Any:
    try:
        return read_json(line)
    except BadRequest:
        return BadRequest("the line is no JSON")


def _in_order(late: Iterable[Answer], answered: Iterable[Answer | Deferred[Answer]]) -> list[Any]:
    """Put the answers that came later where they belong; return what all say."""
    arrived = iter(late)
    return [(each if isinstance(each, Answer) else next(arrived)).said for each in answered]


def _answer(said: Any, publishing: Publishing) -> Answer | Deferred[Answer]:
    try:
        if isinstance(said, BadRequest):
            raise said
        return publishing.publish(read_order(said))
    except TPushError as error:
        return refused(error)
