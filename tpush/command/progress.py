"""How far something is that takes long: a line now and then, where people see it."""

import sys
from collections.abc import Callable
from typing import TextIO

EVERY = 1.0
"""Seconds between two lines."""


class Progress:
    """Writes lines that say how far something is.

    Args:
        seconds: tells the time.
        to: where to; by default the standard error.
    """

    def __init__(self, seconds: Callable[[], float], to: TextIO | None = None) -> None:
        self._seconds = seconds
        self._to = to or sys.stderr
        self._last = seconds()

    def tell(self, text: str) -> None:
        """Write *text*, unless there was a line within the last second."""
        now = self._seconds()
        if now - self._last >= EVERY:
            self._last = now
            print(text, file=self._to, flush=True)
