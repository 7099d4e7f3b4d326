"""The close codes that a client may see, as one table: :rfc:`6455#section-7.4`.

From 4000 to 4499 it may come back, from 4500 to 4999 it may not: nothing would change.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Close:
    """How a connection is closed.

    Args:
        code: the close code.
        reason: the same for people: ASCII, at most 123 bytes.
        returns: whether, and how, a client may come back.
    """

    code: int
    reason: str
    returns: str


GOING_AWAY = Close(1001, "going away", "yes: to another worker")
RESTART = Close(1012, "this address was taken: reconnect", "yes")
BUSY = Close(1013, "try again later", "later")
SLOW = Close(4008, "too slow: come back", "yes")
MISSED = Close(4009, "messages may be missing: come back", "yes")
EXPIRED = Close(4401, "the token has run out", "with a new token")
TOO_MANY = Close(4429, "too many frames: come back later", "later")
BAD_TOKEN = Close(4501, "the token is not valid", "no")
FORBIDDEN = Close(4503, "this client may not do that", "no")

TABLE = (GOING_AWAY, RESTART, BUSY, SLOW, MISSED, EXPIRED, TOO_MANY, BAD_TOKEN, FORBIDDEN)
