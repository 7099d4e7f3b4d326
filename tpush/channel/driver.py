"""What gives a broker its turns and its time."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.channel.broker import Broker
from tpush.channel.session import Session


class Driver:
    """Flushes what a broker has changed once a reactor turn, and wakes it when something is due.

    Args:
        broker: what is driven.
        clock: tells the time.
        flush: sends what a session holds.
    """

    def __init__(
        self, broker: Broker, clock: IReactorTime, flush: Callable[[Session], None]
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._flush = flush
        self._turn: IDelayedCall | None = None
        self._timer: IDelayedCall | None = None

    def stir(self) -> None:
        """Flush at the end of this reactor turn."""
        if self._turn is None:
            self._turn = self._clock.callLater(0, self._on_turn)

    def stop(self) -> None:
        """Do nothing more."""
        for call in (self._turn, self._timer):
            if call is not None and call.active():
                call.cancel()
        self._turn = self._timer = None

    def _on_turn(self) -> None:
        self._turn = None
        for session in self._broker.take_changed():
            self._flush(session)
        self._set_timer()

    def _set_timer(self) -> None:
        due = self._broker.due()
        if self._timer is not None and self._timer.active():
            if due is not None and self._timer.getTime() <= due:
                return  # too early does no harm: it looks again when it fires
            self._timer.cancel()
        self._timer = None
        if due is not None:
            wait = max(0, due - self._clock.seconds())
            self._timer = self._clock.callLater(wait, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        self._broker.tick(self._clock.seconds())
        self.stir()
