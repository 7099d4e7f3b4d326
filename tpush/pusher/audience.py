"""Who is connected, and who of them listens to what: pure.

Members are anything that can be hashed; the pusher's are its connections. An id is given when a
member comes, counts up from 1, and is never given again: a message for somebody who has left
reaches nobody. Everybody has what is broadcast; what else there is, for a group or a user, has an
event of its own, which members join and leave.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Generic, Protocol, TypeVar

from tpush.message import BROADCAST, ConnectionID, Message, Target, WorkerID, worker_event

Member = TypeVar("Member")
Member_co = TypeVar("Member_co", covariant=True)


Part = tuple[Target, Sequence[str], Collection[Member_co]]
"""As what members get a message, which other events they have joined whose histories have it too,
and the members."""


class Listeners(Protocol[Member_co]):
    """Knows who gets a message."""

    def parts(self, message: Message) -> Iterator[Part[Member_co]]:
        """Yield who gets *message* as one of each of its targets."""
        ...


class Audience(Generic[Member]):
    """All members of one worker, by id and by event.

    Args:
        worker: whose they are; another id may be drawn.
    """

    __slots__ = ("_events", "_joined", "_last", "_members", "_own", "_worker")

    def __init__(self, worker: WorkerID) -> None:
        self.worker = worker
        self._last = 0
        self._members: dict[ConnectionID, Member] = {}
        self._events: dict[str, dict[ConnectionID, Member]] = {}
        self._joined: dict[ConnectionID, dict[str, None]] = {}
        """Of those alone who have joined anything."""

    @property
    def worker(self) -> WorkerID:
        """Whose members they are."""
        return self._worker

    @worker.setter
    def worker(self, worker: WorkerID) -> None:
        self._worker = worker
        self._own = worker_event(worker)

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

    def remove(self, connection: ConnectionID) -> list[str]:
        """Forget a member; it may be forgotten already.

        Returns:
            The events that nobody has joined any more.
        """
        self._members.pop(connection, None)
        return [event for event in self.joined(connection) if self.leave(connection, event)]

    def join(self, connection: ConnectionID, event: str) -> bool:
        """Let a member who is there have what is published to *event*.

        Returns:
            Whether it is the first.
        """
        members = self._events.setdefault(event, {})
        first = not members
        members[connection] = self._members[connection]
        self._joined.setdefault(connection, {})[event] = None
        return first

    def leave(self, connection: ConnectionID, event: str) -> bool:
        """Let a member have no more of it; it may have left already, or never have joined.

        Returns:
            Whether it was the last.
        """
        joined = self._joined.get(connection, {})
        if event not in joined:
            return False
        del joined[event]
        if not joined:
            del self._joined[connection]
        members = self._events[event]
        del members[connection]
        if not members:
            del self._events[event]
        return not members

    def address(self, connection: ConnectionID | None) -> Target:
        """Return what is for that member alone."""
        return self._own, connection

    def joined(self, connection: ConnectionID) -> list[str]:
        """List the events that a member has joined, in that order."""
        return list(self._joined.get(connection, ()))

    @property
    def events(self) -> Collection[str]:
        """All that anybody has joined."""
        return self._events.keys()

    def receivers(self, message: Message) -> Collection[Member]:
        """Return who gets a message, each once."""
        return list(chain.from_iterable(members for *_, members in self.parts(message)))

    def is_one_of(self, connection: ConnectionID, targets: Sequence[Target]) -> bool:
        """Say whether a member is there who is one of those."""
        return any(connection in self._of(*target) for target in targets)

    def parts(self, message: Message) -> Iterator[Part[Member]]:
        """Yield who gets *message* as one of each of its targets: each member once.

        Where there is one target alone it is a view, which changes as members come and go.
        """
        if not (message.also or message.but):
            target = message.event, message.connection
            yield target, (), self._of(*target).values()
            return
        taken = set(chain.from_iterable(self._of(*each) for each in message.but))
        for target in message.targets:
            members = {it: who for it, who in self._of(*target).items() if it not in taken}
            taken.update(members)
            histories = [event for event, _ in message.positions if event != target[0]]
            if histories:
                yield from self._by_histories(target, histories, members)
            else:
                yield target, (), members.values()

    def _by_histories(
        self, target: Target, histories: Sequence[str], members: Mapping[ConnectionID, Member]
    ) -> Iterator[Part[Member]]:
        """Yield those apart who have joined others of the events that keep a message."""
        parts: dict[tuple[str, ...], list[Member]] = {}
        for connection, member in members.items():
            joined = self._joined.get(connection, {})
            too = tuple(event for event in histories if event in joined)
            parts.setdefault(too, []).append(member)
        for too, those in parts.items():
            yield target, too, those

    def _of(self, event: str, connection: ConnectionID | None) -> Mapping[ConnectionID, Member]:
        if connection is not None:
            # Of a list of targets other workers see those too that are not theirs.
            member = self._members.get(connection) if event == self._own else None
            return {} if member is None else {connection: member}
        if event == BROADCAST:
            return self._members
        return self._events.get(event, {})
