"""Frame once, write to many.

A message is framed once however many get it. Messages for one audience that arrive in one reactor
turn are joined, and written to each connection once. Only a run is joined: a message for another
audience first flushes what waits, so that nobody gets two messages in another order than they were
published in. Whoever joins the audience flushes too: what was published before is not for them.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.message import BROADCAST, ConnectionID, Message
from tpush.pusher.audience import Audience
from tpush.pusher.receiver import Receiver

JOIN_BYTES = 64 * 1024
"""Bytes after which frames that wait are written, within the turn: as much as a transport is to
hold for a client that does not read."""


class FanOut:
    """Writes messages to the members of an audience.

    Args:
        audience: who is connected.
        clock: gives the turns.
        frame: makes the WebSocket frame of a message.
    """

    def __init__(
        self,
        audience: Audience[Receiver],
        clock: IReactorTime,
        frame: Callable[[Message], bytes],
    ) -> None:
        self._audience = audience
        self._clock = clock
        self._frame = frame
        self._waiting: list[bytes] = []
        self._size = 0
        self._target: tuple[str, ConnectionID | None] = BROADCAST, None
        self._turn: IDelayedCall | None = None

    def send(self, message: Message) -> None:
        """Write *message* in this turn to whoever it is for."""
        target = message.event, message.connection
        if self._waiting and (target != self._target or self._size > JOIN_BYTES):
            self._write()
        self._target = target
        frame = self._frame(message)
        self._waiting.append(frame)
        self._size += len(frame)
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
        frames, messages = b"".join(self._waiting), len(self._waiting)
        self._waiting.clear()
        self._size = 0
        for receiver in self._audience.receivers(*self._target):
            receiver.write_frames(frames, messages)
