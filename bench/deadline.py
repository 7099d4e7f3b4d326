"""What ends a run early: a fault, or the clock."""

from __future__ import annotations

import time


class BenchError(Exception):
    """The run has no result: the text says what went wrong, with figures."""


class Deadline:
    """A moment after which nothing waits any longer.

    It is kept as a point on the machine's monotonic clock, so that it means the same moment in
    every process it is handed to.

    Args:
        seconds: how far away it is.
    """

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds until then, 0 when it is over."""
        return max(0.0, self._at - time.monotonic())

    def left(self, what: str) -> float:
        """Seconds until then, more than 0, for a system call's timeout.

        Args:
            what: what is being waited for, for the error's text.

        Raises:
            BenchError: the moment is over.
        """
        if not (seconds := self.remaining):
            raise BenchError(f"time is up while waiting for {what}: see --limit")
        return seconds
