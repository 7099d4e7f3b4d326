"""What clients that come back are given again: framed once, however many have missed it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tpush.message import Message, Position
from tpush.pusher.audience import Audience
from tpush.pusher.client import Client
from tpush.pusher.dialect import Dialect, Joined
from tpush.pusher.v1.waiting import Waiting
from tpush.recalled import Recalled

Framed = tuple[Dialect, str, int, Sequence[str]]
"""In which dialect, as whose message, under which offset, and in which other histories."""


class Recovering:
    """One answer of the channel.

    Args:
        audience: who is connected.
        told: of each question.
        most: bytes that one client is given, of all its groups together.
    """

    def __init__(
        self,
        audience: Audience[Any],
        told: Mapping[tuple[str, str | None], Recalled],
        most: int,
    ) -> None:
        self._audience = audience
        self._told = told
        self._most = most
        self._frames: dict[Framed, bytes] = {}
        self._given: Counter[Client] = Counter()

    def recalled(self, waiting: Waiting) -> Recalled:
        """Return what was told for a subscription."""
        return self._told[waiting.question]

    def missed(
        self, client: Client, waiting: Waiting, others: Sequence[Waiting]
    ) -> Sequence[bytes] | None:
        """Return the frames that a client has missed, in their order.

        Args:
            client: who comes back.
            waiting: to which group.
            others: all that it waits for, this one too. Of the groups that it comes back to it was
                a member, and so is not given what was not for them; and is told of places in their
                histories that it has reached, but of no later ones.

        Returns:
            None where not all of them are there, or they are more than it may be given besides what
            it was.
        """
        messages = self.recalled(waiting).since(waiting.since)
        if messages is None or client.connection is None:
            return None
        already = set(self._audience.joined(client.connection))
        reached = {each.event: each.since for each in others if each.since is not None}
        del reached[waiting.event]
        back = [(event, None) for event in (waiting.event, *reached)]
        frames = [
            self._frame(client.dialect, waiting.event, message, _known(message, already, reached))
            for message in messages
            if not set(message.but).intersection(back)
            and not self._audience.is_one_of(client.connection, message.but)
        ]
        given = self._given[client] + sum(map(len, frames))
        if given > self._most:
            return None
        self._given[client] = given
        return frames

    def _frame(self, dialect: Dialect, event: str, message: Message, too: Sequence[str]) -> bytes:
        position = message.position(event)
        framed = dialect, event, position.offset if position else 0, too
        frame = self._frames.get(framed)
        if frame is None:
            frames = Joined([message]).frames(dialect, (event, None), too)
            frame = self._frames[framed] = frames
        return frame


def _known(
    message: Message, joined: Collection[str], reached: Mapping[str, Position]
) -> Sequence[str]:
    """Return in which histories a client has had all up to a message, besides its own.

    Args:
        message: it.
        joined: what the client is in.
        reached: the positions from which it comes back to others.
    """
    return tuple(
        event
        for event, place in message.positions
        if event in joined
        or ((since := reached.get(event)) and place.epoch == since.epoch and place <= since)
    )
