"""Who is there, and when the last has left."""

from collections.abc import Iterator
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

Member = TypeVar("Member")


class Present(Generic[Member]):
    """Those who have come and have not left."""

    def __init__(self) -> None:
        # In the order they came: whatever walks them does the same at each run.
        self._members: dict[Member, None] = {}
        self._empty: Deferred[None] | None = None

    def __len__(self) -> int:
        """Count them."""
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        """Walk over those who are there now; they may leave meanwhile."""
        return iter(list(self._members))

    def __contains__(self, member: Member) -> bool:
        """Say whether somebody is there."""
        return member in self._members

    def add(self, member: Member) -> None:
        """Take in somebody who comes."""
        self._members[member] = None

    def discard(self, member: Member) -> None:
        """Forget somebody who leaves, or has left already."""
        self._members.pop(member, None)
        self._check()

    def emptied(self) -> Deferred[None]:
        """Return what fires when nobody is there any more; the same for all who ask."""
        if self._empty is None:
            self._empty = Deferred()
        empty = self._empty
        self._check()
        return empty

    def _check(self) -> None:
        if self._empty is not None and not self._members:
            empty, self._empty = self._empty, None
            empty.callback(None)
