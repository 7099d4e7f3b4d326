"""What an operation is made of: what is asked, and each way in which it may be answered."""

from typing import Any

from tpush.publisher.v1.body import JSON
from tpush.publisher.v1.openapi.answers import response
from tpush.publisher.v1.openapi.schema import Schema, ref

ALWAYS = {
    "400": "BadRequest",
    "405": "MethodNotAllowed",
    "408": "RequestTimeout",
    "413": "TooLarge",
    "414": "TargetTooLong",
    "431": "HeadTooLarge",
    "503": "TryLater",
}
GUARDED = {**ALWAYS, "401": "Unauthorized", "403": "CrossSite"}
ORDERED = {"404": "NoSuchConnection", "504": "WorkersMissing"}


def operation(
    name: str,
    summary: str,
    done: Schema,
    refusals: dict[str, str],
    body: Schema | None = None,
    parameters: tuple[Schema, ...] = (),
) -> Schema:
    """Return what may be done.

    Args:
        name: unique, for those who generate code.
        summary: one line for people.
        done: the response where it is done.
        refusals: the responses where it is not, by status.
        body: of the request; None where it has none.
        parameters: in the URL.
    """
    said: Schema = {"operationId": name, "summary": summary}
    if parameters:
        said["parameters"] = list(parameters)
    if body is not None:
        said["requestBody"] = {"required": True, "content": body}
        refusals = {**refusals, "415": "UnsupportedBody"}
    refused = {status: ref("responses", name) for status, name in sorted(refusals.items())}
    return {**said, "responses": {"200": done, **refused}}


def json_body(what: str, **examples: Any) -> Schema:
    """Return what a body may be: JSON of this schema, such as these examples."""
    shown = {name: {"value": value} for name, value in examples.items()}
    return {JSON.decode(): {"schema": ref("schemas", what), "examples": shown}}


def answer(description: str, what: str) -> Schema:
    """Return a response: JSON of this schema."""
    return response(description, {JSON.decode(): ref("schemas", what)})


def named(kind: str, example: str) -> Schema:
    """Return the part of a path that names a ``group`` or a ``user``."""
    return {
        "name": kind,
        "in": "path",
        "required": True,
        "schema": ref("schemas", kind.title()),
        "example": example,
    }
