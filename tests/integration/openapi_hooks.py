"""What schemathesis has to know of our API beyond its description; it imports this by itself."""

import json
from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

from tpush.message import MAX_ID, MAX_TARGETS
from tpush.publisher.v1.closing import LONGEST
from tpush.publisher.v1.target import ADDRESS

NDJSON = "application/x-ndjson"


@schemathesis.serializer(NDJSON)
def write_lines(_: object, value: Any) -> bytes:
    """Return a value a line."""
    values = value if isinstance(value, list) else [value]
    return "".join(json.dumps(each) + "\n" for each in values).encode()


@schemathesis.deserializer(NDJSON)
def read_lines(_: object, response: Response) -> list[Any]:
    """Return the values of an answer."""
    return _lines(response)


@schemathesis.hook
def filter_failure(_: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Say whether a failure is one: not where the description says in words what was right."""
    if isinstance(failure, RejectedPositiveData):
        return not _beyond_a_schema(case.body)
    if isinstance(failure, AcceptedNegativeData) and case.path == "/v1/batch":
        return not _refused_in_place(response)
    return True


def _lines(response: Response) -> list[Any]:
    return [json.loads(line) for line in response.content.splitlines()]


def _refused_in_place(response: Response) -> bool:
    """Say whether a batch was taken and something in it was not, as it has to be."""
    kind = response.headers["content-type"][0]
    answers = _lines(response) if kind == NDJSON else json.loads(response.content)
    return any(answer.get("status", 200) >= 400 for answer in answers)


def _beyond_a_schema(body: Any) -> bool:
    """Say whether a body breaks a bound of bytes, of numbers in text, or of a sum."""
    if isinstance(body, list):
        return any(map(_beyond_a_schema, body))
    if not isinstance(body, dict):
        return False
    to, but = (body.get(field) for field in ("to", "except"))
    targets = [*(to if isinstance(to, list) else [to]), *(but or [])]
    return len(targets) > MAX_TARGETS or any(map(_beyond_a_text, _texts(body)))


def _beyond_a_text(text: str) -> bool:
    address = ADDRESS.fullmatch(text)
    if address is not None:
        return any(int(number) > MAX_ID for number in address.groups())
    return not text.isascii() and len(text.encode()) > LONGEST


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value if isinstance(value, list) else value.values():
            yield from _texts(each)
