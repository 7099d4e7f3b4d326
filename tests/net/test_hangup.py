"""What a program does at SIGHUP."""

import signal
from collections.abc import Callable

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.errors import UnsafeSecret
from tpush.net.hangup import OnHangUp


class Reactor:
    """Calls at once what is to be called in the reactor."""

    def callFromThread(self, call: Callable[[], object]) -> None:  # noqa: N802
        call()


class OnHangUpTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.called: list[int] = []
        before = signal.getsignal(signal.SIGHUP)
        service = OnHangUp(self.fail_first, lambda: self.called.append(2), reactor=Reactor())
        service.startService()
        self.addCleanup(lambda: self.assertEqual(signal.getsignal(signal.SIGHUP), before))
        self.addCleanup(service.stopService)
        self.error: Exception | None = None

    def fail_first(self) -> None:
        self.called.append(1)
        if self.error is not None:
            raise self.error

    def hang_up(self) -> list[str]:
        with capturedLogs() as events:
            signal.raise_signal(signal.SIGHUP)
        return [str(formatEvent(event)) for event in events]

    def test_called(self) -> None:
        """All that it is for is called, and one line says so."""
        self.assertEqual(self.hang_up(), ["did what SIGHUP asks for"])
        self.assertEqual(self.called, [1, 2])

    def test_one_fails(self) -> None:
        """A file that cannot be used keeps no other from being read: a key may be revoked there."""
        self.error = UnsafeSecret("cannot read keys")
        self.assertEqual(self.hang_up(), ["at SIGHUP: cannot read keys; what was in force stays"])
        self.assertEqual(self.called, [1, 2])
