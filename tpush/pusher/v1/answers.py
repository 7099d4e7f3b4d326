"""What a client of ``tpush.v1`` is answered, good or bad."""

from collections.abc import Iterator
from contextlib import contextmanager

from tpush.errors import InvalidName, TPushError
from tpush.pusher.client import Client
from tpush.pusher.executor import Forbidden
from tpush.pusher.groups import TooManyGroups
from tpush.pusher.v1.dialect import say
from tpush.pusher.v1.requests import RequestID, Wrong


def answer(kind: str, name: RequestID, **fields: object) -> bytes:
    """Return the frame of an answer.

    Args:
        kind: its type.
        name: the id of the request, where it has one.
        fields: what else it says.
    """
    return say(kind, **(fields if name is None else {"id": name, **fields}))


def refuse(client: Client, wrong: Wrong) -> None:
    """Tell a client that what it asked for was not done."""
    said = answer("error", wrong.request, code=wrong.code, reason=wrong.reason)
    client.write_frames(said, 1)


@contextmanager
def refusals(name: RequestID) -> Iterator[None]:
    """Turn whatever keeps a request from being carried out into what its client is told.

    Raises:
        Wrong: it was not.
    """
    try:
        yield
    except Forbidden as forbidden:
        raise Wrong("forbidden", str(forbidden), name) from None
    except InvalidName:
        raise Wrong("bad-request", "no group can be called so", name) from None
    except TooManyGroups as error:
        raise Wrong("too-many-groups", str(error), name) from None
    except TPushError as error:
        if error.status < 500:  # it will never be taken
            raise Wrong("bad-request", str(error), name) from None
        raise Wrong("try-later", "there is no room at the moment", name) from None
