"""Giving free memory back to the system."""

from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tpush.net.free_memory import EVERY, FreeMemory


class FreeMemoryTests(SynchronousTestCase):
    """The C library is asked now and then, while the service runs."""

    def test_asked(self) -> None:
        """It is asked every so often, to keep nothing, and no more after the end."""
        clock, asked = Clock(), list[int]()
        service = FreeMemory(clock, SimpleNamespace(malloc_trim=asked.append))
        service.startService()
        self.assertEqual(asked, [])
        clock.pump([EVERY] * 3)
        self.assertEqual(asked, [0, 0, 0])
        service.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_another_library(self) -> None:
        """A C library that cannot be asked is not."""
        clock = Clock()
        service = FreeMemory(clock, SimpleNamespace(other=None))
        service.startService()
        self.assertEqual(clock.getDelayedCalls(), [])
        service.stopService()
