"""JSON Schema in few words: what the parts of the description are made of. Pure."""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number", "minimum": 0}
TEXT: Schema = {"type": "string"}


def ref(kind: str, name: str) -> Schema:
    """Return what stands for a part of the description that has a name.

    Args:
        kind: of part, such as ``schemas``.
        name: of the part.
    """
    return {"$ref": f"#/components/{kind}/{name}"}


def one_of(*names: str) -> Schema:
    """Return a schema of what one of these has, and no other."""
    return {"oneOf": [ref("schemas", name) for name in names]}


def closed(properties: Mapping[str, Schema], *required: str) -> Schema:
    """Return a schema of objects that have no other properties; some they must have."""
    return {**_object(properties, required), "additionalProperties": False}


def told(properties: Mapping[str, Schema]) -> Schema:
    """Return a schema of objects that we send: with all of these, and later perhaps with more."""
    return _object(properties, tuple(properties))


def _object(properties: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    return {"type": "object", "properties": dict(properties), "required": list(required)}
