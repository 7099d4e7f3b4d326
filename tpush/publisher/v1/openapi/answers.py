"""What comes back: answers, and problems by their type. Pure."""

from tpush.metrics import RATED
from tpush.publisher.v1.openapi.schema import COUNT, NUMBER, TEXT, Schema, one_of, ref, told
from tpush.publisher.v1.problem import CONTENT_TYPE, NAMES, TYPE

PROBLEM = CONTENT_TYPE.decode()
PLAIN = "text/plain"

NOBODY = "no-such-connection"
LATE = NAMES[504]

_COUNTS = dict.fromkeys(("matched", "written", "dropped", "pending", "workers"), COUNT)


def _shown(kind: str) -> Schema:
    addresses = {"type": "array", "items": ref("schemas", "Address")}
    name = ref("schemas", kind.title())
    return told({kind: name, "count": COUNT, "connections": addresses, "workers": COUNT})


def _problem(name: str, status: int, **more: Schema) -> Schema:
    what: dict[str, Schema] = {"type": {"const": TYPE + name}, "status": {"const": status}}
    return told({**what, "title": TEXT, "detail": TEXT, **more})


def title(name: str) -> str:
    """Return what a problem is called among the schemas and the responses."""
    return name.title().replace("-", "")


_MISSING: Schema = {
    "type": ["integer", "null"],
    "minimum": 0,
    "description": "Workers that have not told; null where it is not known to whom it went.",
}

SCHEMAS: dict[str, Schema] = {
    "Accepted": told({"accepted": {"const": True}}),
    "Receipt": {
        **told(_COUNTS),
        "description": "In connections: matched is the sum of written, dropped and pending.",
    },
    "Done": told(dict.fromkeys(("matched", "done", "refused", "workers"), COUNT)),
    "ShownGroup": _shown("group"),
    "ShownUser": _shown("user"),
    "Worker": told({
        "worker": {"type": "integer", "minimum": 1},
        "connections": COUNT,
        "events": COUNT,
        "seconds": NUMBER,
        "counters": {"type": "object", "additionalProperties": COUNT},
        "rates": ref("schemas", "Rates"),
    }),
    "Rates": {
        **told(dict.fromkeys(RATED, NUMBER)),
        "description": "Each in a second, over the last few of them.",
    },
    "Info": told({
        "connections": COUNT,
        "rates": ref("schemas", "Rates"),
        "workers": {"type": "array", "items": ref("schemas", "Worker")},
    }),
    **{title(name): _problem(name, status) for status, name in NAMES.items() if status != 504},
    title(NOBODY): _problem(NOBODY, 404),
    "ReceiptMissing": _problem(LATE, 504, receipt=told({**_COUNTS, "missing": _MISSING})),
    "WorkersMissing": _problem(
        LATE, 504, missing=_MISSING, known=one_of("Done", "ShownGroup", "ShownUser", "Info")
    ),
    "Published": one_of("Accepted", "Receipt"),
    "Batched": {
        "type": "array",
        "items": one_of(
            *("Accepted", "Receipt", "BadRequest", "NoSuchConnection"),
            *("TooLarge", "TryLater", "ReceiptMissing"),
        ),
        "description": "One answer for each publish, in their order.",
    },
}


def response(description: str, content: dict[str, Schema], **headers: Schema) -> Schema:
    """Return what comes back.

    Args:
        description: when, or what, for people.
        content: a schema for each type that it may have.
        headers: that it has; ``_`` stands for ``-``.
    """
    said: Schema = {"description": description}
    said["content"] = {kind: {"schema": schema} for kind, schema in content.items()}
    if headers:
        said["headers"] = {
            name.replace("_", "-"): {"schema": schema, "required": True}
            for name, schema in headers.items()
        }
    return said


def _refused(when: str, *problems: str, plain: bool = False, **headers: Schema) -> Schema:
    schema = one_of(*problems) if len(problems) > 1 else ref("schemas", problems[0])
    content = {PROBLEM: schema, **({PLAIN: TEXT} if plain else {})}
    return response(when, content, **headers)


RESPONSES: dict[str, Schema] = {
    "BadRequest": _refused(
        "It does not say what is to be done, or is malformed.", "BadRequest", plain=True
    ),
    "Unauthorized": _refused("No key, or a wrong one.", "Unauthorized", WWW_Authenticate=TEXT),
    "CrossSite": _refused("A page of another site may have caused this.", "CrossSite"),
    "NoSuchConnection": _refused("Its only address is nobody's.", "NoSuchConnection"),
    "NoSuchResource": _refused("Nothing can have this name.", "NoSuchResource"),
    "NotFound": _refused(
        "Nothing can have this name, or the only address is nobody's.",
        *("NoSuchResource", "NoSuchConnection"),
    ),
    "MethodNotAllowed": _refused("Another method.", "MethodNotAllowed", Allow=TEXT),
    "RequestTimeout": response("It took too long to arrive.", {PLAIN: TEXT}),
    "TooLarge": _refused("The content is too large.", "TooLarge", plain=True),
    "TargetTooLong": response("The request line is too long.", {PLAIN: TEXT}),
    "UnsupportedBody": _refused("The body is no JSON, or compressed.", "UnsupportedBody"),
    "HeadTooLarge": response("The head is too large.", {PLAIN: TEXT}),
    "TryLater": _refused(
        "There is too much to do, or the channel is away for long.", "TryLater", plain=True,
        Retry_After={"type": "integer"},
    ),
    "ReceiptMissing": _refused("Not all workers have told in time.", "ReceiptMissing"),
    "WorkersMissing": _refused("Not all workers have told in time.", "WorkersMissing"),
}  # fmt: skip
