"""Subscriptions that wait for the channel, and what it is asked for them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tpush.message import Position, group_event, presence_event
from tpush.pusher.client import Client
from tpush.pusher.v1.requests import RequestID
from tpush.recalled import Place


@dataclass(frozen=True, slots=True)
class Waiting:
    """One subscription.

    Args:
        name: the id of its request.
        group: that the client will join.
        since: the position of the last message that it had.
        presence: whether it wants to be told who is there.
    """

    name: RequestID
    group: str
    since: Position | None
    presence: bool

    @property
    def event(self) -> str:
        """The event of the group."""
        return group_event(self.group)

    @property
    def events(self) -> Sequence[str]:
        """All that it will join."""
        return (self.event, presence_event(self.group)) if self.presence else (self.event,)

    @property
    def question(self) -> tuple[str, str | None]:
        """What it has in common with others that one question is asked for."""
        return self.event, None if self.since is None else self.since.epoch


class Waiters:
    """All of some clients."""

    def __init__(self) -> None:
        self._waiting: dict[Client, list[Waiting]] = {}

    def __iter__(self) -> Iterator[tuple[Client, list[Waiting]]]:
        """Go through the clients, each with its subscriptions in their order."""
        return iter(self._waiting.items())

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._waiting)

    def of(self, client: Client) -> Iterable[Waiting]:
        """Return those of one client."""
        return self._waiting.get(client, ())

    def add(self, client: Client, waiting: Waiting) -> None:
        """Let one more wait."""
        self._waiting.setdefault(client, []).append(waiting)

    def remove(self, client: Client, waiting: Waiting) -> None:
        """Let one wait no more."""
        self._waiting[client].remove(waiting)
        if not self._waiting[client]:
            del self._waiting[client]

    def forget(self, client: Client) -> None:
        """Let those of a client wait no more."""
        self._waiting.pop(client, None)

    def take(self, places: int) -> "Waiters":
        """Let those wait no more that so many places are to be asked about for, and return them."""
        taken, questions = Waiters(), set[tuple[str, str | None]]()
        for client, waiting in list(self):
            for each in list(waiting):
                questions.add(each.question)
                if len(questions) > places:
                    return taken
                self.remove(client, each)
                taken.add(client, each)
        return taken

    def places(self) -> dict[tuple[str, str | None], Place]:
        """Return what is to be asked: for each event and epoch once, from the oldest on."""
        places: dict[tuple[str, str | None], Place] = {}
        for _, waiting in self:
            for each in waiting:
                _, known = places.get(each.question, (each.event, each.since))
                if known is not None and each.since is not None:
                    known = min(known, each.since)
                places[each.question] = each.event, known
        return places
