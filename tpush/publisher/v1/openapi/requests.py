"""What bodies of requests say. Pure.

A schema counts characters where the code counts bytes, and knows no sums: a few bounds are in the
descriptions alone, and the server is a little stricter than the schema there.
"""

from collections.abc import Callable

from tpush.message import MAX_ID, MAX_NAME, MAX_TARGETS, group_event, user_event
from tpush.publisher.v1.closing import LONGEST, NORMAL, OWN
from tpush.publisher.v1.openapi.schema import TEXT, Schema, closed, one_of, ref
from tpush.publisher.v1.order import CONTENTS
from tpush.publisher.v1.target import ADDRESS

BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

TARGETS = ("ToAll", "ToConnection", "ToGroup", "ToUser")


def _name(what: str, event: Callable[[str], str]) -> Schema:
    """Return the schema of names.

    Args:
        what: has the name, for people.
        event: returns what is published to it, which has the bound.
    """
    most = MAX_NAME - len(event(""))
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": most,
        "description": f"The name of {what}: 1 to {most} bytes of UTF-8.",
    }


def _to(kind: str, value: Schema) -> Schema:
    return closed({kind: value}, kind)


_AIM: dict[str, Schema] = {
    "to": {
        "oneOf": [
            ref("schemas", "Target"),
            {**ref("schemas", "Targets"), "minItems": 1},
        ],
        "description": "Whom it is for; who is in several targets gets it once.",
    },
    "except": {
        # Whom it is for takes one at the least.
        "oneOf": [{**ref("schemas", "Targets"), "maxItems": MAX_TARGETS - 1}, {"type": "null"}],
        "description": "Whom it is not for.",
    },
}

SCHEMAS: dict[str, Schema] = {
    "Group": _name("a group", group_event),
    "User": _name("a user, the `sub` of his token", user_event),
    "Address": {
        "type": "string",
        "pattern": f"^{ADDRESS.pattern}$",
        "description": f"A worker and its connection; each number is up to {MAX_ID}.",
    },
    "ToAll": _to("broadcast", {"const": True}),
    "ToConnection": _to("connection", ref("schemas", "Address")),
    "ToGroup": _to("group", ref("schemas", "Group")),
    "ToUser": _to("user", ref("schemas", "User")),
    "Target": one_of(*TARGETS),
    "Targets": {
        "type": "array",
        "items": ref("schemas", "Target"),
        "maxItems": MAX_TARGETS,
        "description": f"`to` and `except` have {MAX_TARGETS} together at the most.",
    },
    "Publish": {
        **closed(
            {
                **_AIM,
                "content": {**TEXT, "description": "Goes out as it is, as text."},
                "data": {"description": "Any JSON; goes out as text."},
                "base64": {
                    "type": "string",
                    "contentEncoding": "base64",
                    "pattern": BASE64,
                    "description": "Bytes; go out as a binary frame.",
                },
                "receipt": {
                    "type": "boolean",
                    "default": False,
                    "description": "Answer when it is known what became of it.",
                },
                "key": {
                    "type": ["string", "null"],
                    "minLength": 1,
                    "maxLength": MAX_NAME,
                    "description": f"Up to {MAX_NAME} bytes of UTF-8, such as a UUID: what has"
                    " the key of another of the last minutes is not sent again.",
                },
            },
            "to",
        ),
        "oneOf": [{"required": [name]} for name in CONTENTS],
    },
    "Change": closed(_AIM, "to"),
    "Close": closed(
        {
            **_AIM,
            "code": {
                "oneOf": [
                    {"const": NORMAL},
                    {"type": "integer", "minimum": OWN.start, "maximum": OWN.stop - 1},
                ],
                "default": NORMAL,
            },
            "reason": {
                "type": "string",
                "maxLength": LONGEST,
                "default": "",
                "description": f"For people: up to {LONGEST} bytes of UTF-8.",
            },
            "content": {
                "type": ["string", "null"],
                "description": "A last text, sent before the close.",
            },
        },
        "to",
    ),
}
