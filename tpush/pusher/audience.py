"""Who is connected: pure.

Members are anything that can be hashed; the pusher's are its connections. An id is given when a
member comes, counts up from 1, and is never given again: a message for somebody who has left
reaches nobody.
"""

from collections.abc import Collection
from typing import Generic, TypeVar

from tpush.message import ConnectionID

Member = TypeVar("Member")


class Audience(Generic[Member]):
    """All members of one worker, by id."""

    __slots__ = ("_last", "_members")

    def __init__(self) -> None:
        self._last = 0
        self._members: dict[ConnectionID, Member] = {}

    def __len__(self) -> int:
        """Count the members."""
        return len(self._members)

    def add(self, member: Member) -> ConnectionID:
        """Take a member in.

        Returns:
            Its id, one more than the last that was given.
        """
        self._last += 1
        connection = ConnectionID(self._last)
        self._members[connection] = member
        return connection

    def remove(self, connection: ConnectionID) -> None:
        """Forget a member; it may be forgotten already."""
        self._members.pop(connection, None)

    def everyone(self) -> Collection[Member]:
        """Return all members: a view, which changes as they come and go."""
        return self._members.values()

    def one(self, connection: ConnectionID) -> Collection[Member]:
        """Return the member with this id, alone, or nobody where it has left."""
        member = self._members.get(connection)
        return () if member is None else (member,)
