"""Frame once, write to many.

A message is framed once for each dialect, however many get it. Messages for one audience that
arrive in one reactor turn are joined, and written to each connection once. Only a run is joined: a
message for another audience first flushes what waits, so that nobody gets two messages in another
order than they were published in. Whoever joins the audience flushes too: what was published before
is not for them.
"""

from functools import partial

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.message import Message
from tpush.metrics import Traffic
from tpush.pusher.audience import Listeners
from tpush.pusher.dialect import Dialect, Joined, frame_once
from tpush.pusher.receiver import Receiver

JOIN_BYTES = 64 * 1024
"""Bytes after which frames that wait are written, within the turn: as much as a transport is to
hold for a client that does not read."""


AROUND = 60
"""Bytes around a content that are counted: as many as a dialect has, or more."""


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
        self._size = 0
        self._turn: IDelayedCall | None = None
        self.traffic = Traffic()

    def send(self, message: Message) -> None:
        """Write *message* in this turn to whoever it is for."""
        waiting = self._waiting
        if waiting and (self._size > JOIN_BYTES or not message.same_audience(waiting[0])):
            self._write()
        self._waiting.append(message)
        self._size += len(message.data) + len(message.event) + AROUND
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._on_turn)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._waiting:
            self._write()

    def stop(self) -> None:
        """Write what waits, and nothing in a later turn."""
        self.flush()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _on_turn(self) -> None:
        self._turn = None
        self.flush()

    def _write(self) -> None:
        messages, self._waiting, self._size = self._waiting, [], 0
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
                receiver.write_frames(made, count)
