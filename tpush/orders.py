"""What back ends have workers do with clients, or tell of them: as it travels. Pure.

An order goes the way of a message, to the workers of those whom it concerns, and each tells what
came of it.
"""

import json
from dataclasses import asdict, dataclass

from tpush.errors import ProtocolViolation


@dataclass(frozen=True, slots=True)
class Close:
    """Close connections.

    Args:
        code: the close code, :rfc:`6455#section-7.4`.
        reason: the same for people.
        last: a text that they are sent before; None is nothing.
    """

    code: int
    reason: str
    last: str | None


@dataclass(frozen=True, slots=True)
class Join:
    """Put connections into a group."""

    group: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Take connections out of a group."""

    group: str


@dataclass(frozen=True, slots=True)
class Bind:
    """Say who is at connections; None is nobody who is known."""

    user: str | None


@dataclass(frozen=True, slots=True)
class Show:
    """Tell the addresses of connections, up to a number from each worker."""

    most: int


@dataclass(frozen=True, slots=True)
class Info:
    """Tell of the worker itself."""


Order = Close | Join | Leave | Bind | Show | Info

KINDS: dict[str, type[Order]] = {
    "close": Close,
    "join": Join,
    "leave": Leave,
    "bind": Bind,
    "show": Show,
    "info": Info,
}
NAMES = {kind: name for name, kind in KINDS.items()}


def pack_order(order: Order) -> bytes:
    """Return an order as it travels."""
    # With escapes a last text would be longer than a content may be.
    said = {"do": NAMES[type(order)], **asdict(order)}
    return json.dumps(said, ensure_ascii=False).encode()


def unpack_order(data: bytes) -> Order:
    """Read an order.

    Raises:
        ProtocolViolation: it is none that is known here.
    """
    try:
        said = json.loads(data)
        return KINDS[said.pop("do")](**said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProtocolViolation(f"no order: {error!r:.60}") from None
