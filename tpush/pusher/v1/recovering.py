"""What clients that come back are given again: framed once, however many have missed it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tpush.message import Message
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
        self, client: Client, waiting: Waiting, all_of_it: Sequence[Waiting]
    ) -> Sequence[bytes] | None:
        """Return the frames that a client has missed, in their order.

        Args:
            client: who comes back.
            waiting: to which group.
            all_of_it: to which groups it comes back besides.

        Returns:
            None where not all of them are there, or they are more than it may be given besides what
            it was; or it has been put into the group meanwhile, and may have had some.
        """
        messages = self.recalled(waiting).since(waiting.since)
        if messages is None or client.connection is None:
            return None
        already = self._audience.joined(client.connection)
        if waiting.event in already:
            return None
        joined = {*already, *(each.event for each in all_of_it)} - {waiting.event}
        frames = [
            self._frame(client.dialect, waiting.event, message, joined)
            for message in messages
            if not self._audience.is_one_of(client.connection, message.but)
        ]
        given = self._given[client] + sum(map(len, frames))
        if given > self._most:
            return None
        self._given[client] = given
        return frames

    def _frame(self, dialect: Dialect, event: str, message: Message, joined: set[str]) -> bytes:
        too = tuple(each for each, _ in message.positions if each in joined)
        position = message.position(event)
        framed = dialect, event, position.offset if position else 0, too
        frame = self._frames.get(framed)
        if frame is None:
            frames = Joined([message]).frames(dialect, (event, None), too)
            frame = self._frames[framed] = frames
        return frame
