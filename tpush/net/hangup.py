"""What a program does at SIGHUP."""

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from typing_extensions import override

from tpush.background import background
from tpush.errors import TPushError


class OnHangUp(Service):
    """Calls functions at each SIGHUP, for as long as it runs.

    Args:
        callbacks: each is called in the reactor, whatever becomes of the others. It may return a
            Deferred, which fires when all is done. An error of ours that it raises, or fails with,
            is logged in one line.
        reactor: the reactor to use; the default is Twisted's global one.
    """

    log = Logger()

    def __init__(self, *callbacks: Callable[[], object], reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._callbacks = callbacks
        self._reactor = reactor
        self._before: Any = None

    @override
    def startService(self) -> None:
        super().startService()
        self._before = signal.signal(
            signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._hang_up)
        )

    @override
    def stopService(self) -> None:
        signal.signal(signal.SIGHUP, self._before)
        super().stopService()

    def _hang_up(self) -> None:
        background(self._call(), self.log, "what SIGHUP asks for")

    async def _call(self) -> None:
        succeeded = [await self._succeeds(callback) for callback in self._callbacks]
        if all(succeeded):
            self.log.info("did what SIGHUP asks for")

    async def _succeeds(self, callback: Callable[[], object]) -> bool:
        try:
            await maybeDeferred(callback)
        except TPushError as error:
            self.log.error("at SIGHUP: {error}; what was in force stays", error=error)
            return False
        return True
