"""What something costs in memory."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Traced:
    """What was allocated.

    Args:
        held: bytes that are still there.
        peak: bytes at the worst moment.
    """

    held: int = 0
    peak: int = 0


@contextmanager
def traced() -> Iterator[Traced]:
    """Trace what is allocated; the result is known at the end."""
    found = Traced()
    tracemalloc.start()
    try:
        yield found
        found.held, found.peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
