"""A log for what strangers can cause: so many lines a second, and how many were left out.

Whoever can connect can have a line written as often as it likes; a disk that is full of them, and a
log in which nothing else is found, are what it must not get.
"""

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

LINES = 10
"""Lines a second."""


class SparingLog:
    """Writes warnings, up to a number a second.

    Args:
        log: where to.
        clock: tells the time.
        most: lines a second.
    """

    def __init__(self, log: Logger, clock: IReactorTime, most: int = LINES) -> None:
        self._log = log
        self._clock = clock
        self._most = most
        self._second = float("-inf")
        self._lines = 0
        self._left_out = 0
        self._later: IDelayedCall | None = None

    def warn(self, format: str, **fields: object) -> None:
        """Write a warning, or count it among those that are left out.

        Args:
            format: as Twisted's logger has it.
            fields: the same.
        """
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._second, self._lines = now, 0
        if self._lines < self._most:
            self._lines += 1
            self._log.warn(format, **fields)
            return
        self._left_out += 1
        if self._later is None:
            self._later = self._clock.callLater(1, self._tell)

    def stop(self) -> None:
        """Tell now what would be told later."""
        if self._later is not None:
            self._later.cancel()
            self._tell()

    def _tell(self) -> None:
        self._later = None
        left_out, self._left_out = self._left_out, 0
        self._log.warn("{left_out} more lines like these were left out", left_out=left_out)
