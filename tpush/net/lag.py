"""How late a reactor is: the time that whatever is ready waits for its turn."""

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
        self._last = 0.0

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
        """How late it was at the last look, or is by now."""
        if self._call is None:
            return 0.0
        return max(self._last, self._clock.seconds() - self._due)

    def _look(self) -> None:
        self._last = max(0.0, self._clock.seconds() - self._due)
        self._again()

    def _again(self) -> None:
        self._due = self._clock.seconds() + EVERY
        self._call = self._clock.callLater(EVERY, self._look)
