"""Frame once, write to many.

A message is framed once however many get it. Messages for one audience that arrive in one reactor
turn are joined, and written to each connection once. Only a run is joined: a message for another
audience first flushes what waits, so that nobody gets two messages in another order than they were
published in. Whoever joins the audience flushes too: what was published before is not for them.
"""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.message import Message
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
        self._latest: Message | None = None
        self._turn: IDelayedCall | None = None

    def send(self, message: Message) -> None:
        """Write *message* in this turn to whoever it is for."""
        if self._latest is not None and not (
            self._size <= JOIN_BYTES and message.same_audience(self._latest)
        ):
            self._write(self._latest)
        self._latest = message
        frame = self._frame(message)
        self._waiting.append(frame)
        self._size += len(frame)
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._on_turn)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._latest is not None:
            self._write(self._latest)

    def stop(self) -> None:
        """Write what waits, and nothing in a later turn."""
        self.flush()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _on_turn(self) -> None:
        self._turn = None
        self.flush()

    def _write(self, latest: Message) -> None:
        frames, messages = b"".join(self._waiting), len(self._waiting)
        self._waiting.clear()
        self._latest = None
        self._size = 0
        for receiver in self._audience.receivers(latest):
            receiver.write_frames(frames, messages)
