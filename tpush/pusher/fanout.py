"""Frame once, write to many.

A message is framed once for each dialect, however many get it. All that arrives for a connection
in one reactor turn is joined, and written at once, in the order in which it came. A run of messages
for one audience, most often all that there is, is framed as one; where audiences change, what each
connection gets is piled up for it. Whoever joins an audience flushes: what was published before is
not for them.
"""

from collections.abc import Iterator
from functools import partial

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.message import Message
from tpush.metrics import Traffic
from tpush.pusher.audience import Listeners
from tpush.pusher.dialect import Dialect, Joined, frame_once
from tpush.pusher.receiver import Receiver

JOIN_BYTES = 64 * 1024
"""Bytes after which what waits is written, within the turn: as much as a transport is to hold for a
client that does not read."""

AROUND = 60
"""Bytes around a content that are counted: as many as a dialect has, or more."""

PILED = 8
"""Bytes that are counted for frames on a pile, which others may have too: large audiences that take
turns are written to one after the other, as it is their piles that would take the memory."""


class _Pile:
    """What one connection gets."""

    __slots__ = ("frames", "messages")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.messages = 0


class FanOut:
    """Writes messages to the members of an audience.

    Args:
        audience: who is connected.
        clock: gives the turns.
    """

    def __init__(self, audience: Listeners[Receiver], clock: IReactorTime) -> None:
        self._audience = audience
        self._clock = clock
        self._waiting: list[Message] = []
        """A run for one audience."""
        self._piles: dict[Receiver, _Pile] = {}
        """Of what came before it."""
        self._size = 0
        self._turn: IDelayedCall | None = None
        self.traffic = Traffic()

    def send(self, message: Message) -> None:
        """Write *message* in this turn to whoever it is for."""
        waiting = self._waiting
        if waiting:
            if self._size > JOIN_BYTES:
                self.flush()
            elif not message.same_audience(waiting[0]):
                self._pile_up()
        self._waiting.append(message)
        self._size += len(message.data) + len(message.event) + AROUND
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._on_turn)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._piles:
            self._pile_up()
            piles, self._piles = self._piles, {}
            for receiver, pile in piles.items():
                receiver.write_frames(b"".join(pile.frames), pile.messages)
        else:
            for receiver, frames, messages in self._run():
                receiver.write_frames(frames, messages)
        self._size = 0

    def stop(self) -> None:
        """Write what waits, and nothing in a later turn."""
        self.flush()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _on_turn(self) -> None:
        self._turn = None
        self.flush()

    def _pile_up(self) -> None:
        piles = self._piles
        for receiver, frames, messages in self._run():
            pile = piles.get(receiver)
            if pile is None:
                pile = piles[receiver] = _Pile()
            pile.frames.append(frames)
            pile.messages += messages
            self._size += PILED

    def _run(self) -> Iterator[tuple[Receiver, bytes, int]]:
        """Take the run, and yield its frames, and how many they are, for each who gets them."""
        messages, self._waiting = self._waiting, []
        if not messages:
            return
        count = len(messages)
        self.traffic.messages += count
        make = Joined(messages).frames if messages[0].also else partial(frame_once, messages)
        for target, too, receivers in self._audience.parts(messages[0]):
            self.traffic.deliveries += count * len(receivers)
            frames: dict[Dialect, bytes] = {}
            dialect, made = None, b""
            for receiver in receivers:
                if receiver.dialect is not dialect:
                    dialect = receiver.dialect
                    if dialect not in frames:
                        frames[dialect] = make(dialect, target, too)
                    made = frames[dialect]
                yield receiver, made, count
