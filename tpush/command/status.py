"""Exit statuses, as one table: scripts go by them."""

from enum import IntEnum

from tpush.http import (
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    PublishFailed,
    TryLater,
    WorkersMissing,
)


class Status(IntEnum):
    """How a command has ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NO_SUCH_CONNECTION = 3
    NOT_REACHABLE = 4
    NOT_ALLOWED = 5
    TRY_LATER = 6
    INCOMPLETE = 7
    INTERRUPTED = 130


MEANINGS = {
    Status.OK: "all is done",
    Status.FAILED: "refused, or failed in another way; a token that is not valid",
    Status.USAGE: "wrong usage, or a file that cannot be used",
    Status.NO_SUCH_CONNECTION: "with a receipt: the connection that it was for is not there",
    Status.NOT_REACHABLE: "no answer, or the connection broke: try again later",
    Status.NOT_ALLOWED: "the API key or the token is missing, wrong or has run out",
    Status.TRY_LATER: "too much to do there, or no room: try again later",
    Status.INCOMPLETE: "with a receipt: published, and not all workers have told what became of it",
    Status.INTERRUPTED: "ended by Ctrl-C; listen and bench by SIGTERM too",
}

_OF_ERRORS = (
    (NoSuchConnection, Status.NO_SUCH_CONNECTION),
    (NotReachable, Status.NOT_REACHABLE),
    (NotAllowed, Status.NOT_ALLOWED),
    (TryLater, Status.TRY_LATER),
    (WorkersMissing, Status.INCOMPLETE),
)


def status_of(error: PublishFailed) -> Status:
    """Return the status that an error ends a command with."""
    for kind, status in _OF_ERRORS:
        if isinstance(error, kind):
            return status
    return Status.FAILED


def table() -> str:
    """Return the table, a line for each."""
    return "\n".join(f"  {status:>3}  {meaning}" for status, meaning in MEANINGS.items())
