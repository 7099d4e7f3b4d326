"""Where to, as the fields of a request say it. Pure."""

import re

from tpush.message import BROADCAST, MAX_ID, ConnectionID, WorkerID, worker_event
from tpush.publisher.errors import BadRequest
from tpush.publisher.form import Fields

WORKER = b"to_worker_id"
CONNECTION = b"to_connection_id"
ID = re.compile(rb"[1-9][0-9]{0,15}")


def destination(fields: Fields) -> tuple[str, ConnectionID | None]:
    """Return the event to publish to, and which connection of its worker alone, if one.

    A private message must never become a broadcast: a field that is there counts, even if empty.

    Raises:
        BadRequest: an id has no other, or is none.
    """
    if WORKER not in fields and CONNECTION not in fields:
        return BROADCAST, None
    if WORKER not in fields or CONNECTION not in fields:
        raise BadRequest(f"{WORKER.decode()} and {CONNECTION.decode()} go together")
    worker = WorkerID(_number(fields, WORKER))
    return worker_event(worker), ConnectionID(_number(fields, CONNECTION))


def _number(fields: Fields, name: bytes) -> int:
    number = int(fields[name]) if ID.fullmatch(fields[name]) else 0
    if not 1 <= number <= MAX_ID:
        raise BadRequest(f"{name.decode()} is a whole number from 1 to {MAX_ID}")
    return number
