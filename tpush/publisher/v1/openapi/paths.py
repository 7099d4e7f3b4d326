"""What may be asked for, by path and method."""

from typing import Any

from tpush.publisher.v1 import batch
from tpush.publisher.v1.body import JSON, NDJSON
from tpush.publisher.v1.openapi.answers import response
from tpush.publisher.v1.openapi.operation import (
    ALWAYS,
    GUARDED,
    ORDERED,
    answer,
    json_body,
    named,
    operation,
)
from tpush.publisher.v1.openapi.schema import Schema, ref
from tpush.publisher.v1.verbs import MOST_SHOWN, SHOWN

ONE = {"connection": "5304170926432881:1"}
USER = {"user": "ann"}


def _change(name: str, summary: str, *parameters: Schema, **examples: Any) -> Schema:
    refusals = {**GUARDED, **ORDERED, **({"404": "NotFound"} if parameters else {})}
    done = answer("Done by all workers.", "Done")
    body = json_body("Change", **examples)
    return {"post": operation(name, summary, done, refusals, body, parameters)}


def _show(name: str, summary: str, what: str, parameter: Schema) -> Schema:
    refusals = {**GUARDED, **ORDERED, "404": "NoSuchResource"}
    shown = answer("As all workers have told.", what)
    return {"get": operation(name, summary, shown, refusals, None, (parameter, LIMIT))}


LIMIT: Schema = {
    "name": "limit",
    "in": "query",
    "description": "The most addresses that are told.",
    "schema": {"type": "integer", "minimum": 0, "maximum": MOST_SHOWN, "default": SHOWN},
}
GROUP = named("group", "news")
NAME = named("user", "ann")

PUBLISH = operation(
    "publish",
    "Publish a message",
    answer("It is accepted, or what became of it.", "Published"),
    {**GUARDED, "404": "NoSuchConnection", "504": "ReceiptMissing"},
    json_body(
        "Publish",
        all={"to": {"broadcast": True}, "content": "hello"},
        group={"to": {"group": "news"}, "data": {"score": [1, 0]}, "receipt": True},
        several={"to": [USER, {"group": "news"}], "except": [ONE], "base64": "AAEC", "key": "k1"},
    ),
)

_BATCH: Schema = {
    "type": "array",
    "items": ref("schemas", "Publish"),
    "maxItems": batch.MOST,
    "description": "One that is wrong is answered in its place, and the others are published."
    f" With {NDJSON.decode()} one stands in each line, and so does each answer.",
}
_SAID = [{"to": USER, "content": "hello"}, {"to": {"group": "news"}, "data": [1]}]

BATCH = operation(
    "batch",
    "Publish many messages",
    response(
        "What each publish would have got by itself.",
        {kind.decode(): ref("schemas", "Batched") for kind in (JSON, NDJSON)},
    ),
    GUARDED,
    {kind.decode(): {"schema": _BATCH, "example": _SAID} for kind in (JSON, NDJSON)},
)

CLOSE = operation(
    "close",
    "Close connections",
    answer("Begun by all workers.", "Done"),
    {**GUARDED, **ORDERED},
    json_body(
        "Close",
        plain={"to": USER},
        told={"to": {"group": "news"}, "code": 4000, "reason": "over", "content": "that was it"},
    ),
)

INFO = operation(
    "info",
    "Tell of the workers",
    answer("As all workers have told.", "Info"),
    {**GUARDED, "504": "WorkersMissing"},
)

DESCRIPTION: Schema = {
    **operation(
        "description",
        "This description",
        response("OpenAPI 3.1.", {JSON.decode(): {"type": "object"}}),
        ALWAYS,
    ),
    "security": [],
}

PATHS: dict[str, Schema] = {
    "/v1/publish": {"post": PUBLISH},
    "/v1/batch": {"post": BATCH},
    "/v1/close": {"post": CLOSE},
    "/v1/unbind": _change("unbind", "Say that nobody known is there", one={"to": ONE}),
    "/v1/info": {"get": INFO},
    "/v1/groups/{group}": _show("group", "Tell who is in a group", "ShownGroup", GROUP),
    "/v1/groups/{group}/join": _change(
        "join", "Put connections into a group", GROUP, user={"to": USER}
    ),
    "/v1/groups/{group}/leave": _change(
        "leave", "Take connections out of a group", GROUP, others={"to": USER, "except": [ONE]}
    ),
    "/v1/users/{user}": _show("user", "Tell where a user is", "ShownUser", NAME),
    "/v1/users/{user}/bind": _change("bind", "Say who is there", NAME, one={"to": ONE}),
    "/v1/openapi.json": {"get": DESCRIPTION},
}
