"""How late a reactor is: the time that whatever is ready waits for its turn.

A process that was stopped for a while is late once, and has no more to do than before. One that
is late twice in a row has more to do than it can.
"""

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override

EVERY = 0.25
"""Seconds between two looks."""


class LagMeter(Service):
    """Measures by how much a timer is late.

    Args:
        clock: whose.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._call: IDelayedCall | None = None
        self._due = 0.0
        self._last = self._before = 0.0

    @override
    def startService(self) -> None:
        super().startService()
        self._again()

    @override
    def stopService(self) -> None:
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    @property
    def seconds(self) -> float:
        """How late it was at the last two looks, or is by now, the lesser of the two."""
        if self._call is None:
            return 0.0
        overdue = self._clock.seconds() - self._due
        return min(self._last, max(self._before, overdue))

    def _look(self) -> None:
        self._before = self._last
        self._last = max(0.0, self._clock.seconds() - self._due)
        self._again()

    def _again(self) -> None:
        self._due = self._clock.seconds() + EVERY
        self._call = self._clock.callLater(EVERY, self._look)
