"""What a client may do besides listening to what is for all. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from tpush.claims import Claims


class Right(Enum):
    """Who may do something."""

    OFF = "off"
    """Nobody."""

    TOKEN = "token"  # noqa: S105 - a value of an option
    """Whose token says so, of the groups that it names."""

    OPEN = "open"
    """Everybody, of any group."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What clients may do.

    Args:
        join: groups, and so have what is published to them.
        publish: to groups.
    """

    join: Right = Right.TOKEN
    publish: Right = Right.OFF

    def may_join(self, claims: Claims, group: str) -> bool:
        """Say whether a client may join a group."""
        return _may(self.join, claims.groups, group)

    def may_publish(self, claims: Claims, group: str) -> bool:
        """Say whether a client may publish to a group."""
        return _may(self.publish, claims.publish, group)


def _may(right: Right, named: Collection[str], group: str) -> bool:
    return right is Right.OPEN or (right is Right.TOKEN and group in named)


DEFAULT = Rights()
