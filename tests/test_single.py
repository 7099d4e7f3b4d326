"""All roles in one process."""

import signal

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.net.hangup import OnHangUp
from tpush.single import Roles


class Slow(Service):
    """Takes its time to stop."""

    def __init__(self) -> None:
        self.stopped: Deferred[None] = Deferred()

    @override
    def stopService(self) -> Deferred[None]:
        super().stopService()
        return self.stopped


class RolesTests(SynchronousTestCase):
    """What holds them."""

    def test_hang_up_while_stopping(self) -> None:
        """A SIGHUP does not end the process while a role is still going away."""
        before = signal.getsignal(signal.SIGHUP)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        first, second = Slow(), Slow()
        roles = Roles([first, second], OnHangUp(reactor=object()))
        roles.startService()
        minds = signal.getsignal(signal.SIGHUP)
        self.assertNotEqual(minds, before)
        stopped = roles.stopService()
        second.stopped.callback(None)
        self.assertNoResult(stopped)
        self.assertEqual(signal.getsignal(signal.SIGHUP), minds)
        first.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(signal.getsignal(signal.SIGHUP), before)
