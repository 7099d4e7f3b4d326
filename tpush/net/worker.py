"""A worker process: it listens on its parent's sockets, with the role that it is told.

Started by :mod:`tpush.net.process`, whose arguments are the module of the parent's reactor and how
many sockets were inherited.
"""

import importlib
import json
import signal
import socket
import sys
from typing import Any, cast

from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.net import control
from tpush.net.adopting import Adopter
from tpush.net.clock import go_steady
from tpush.net.collector import spare_collector
from tpush.net.free_memory import FreeMemory

LEGACY = "log_legacy"
"""The system of what Twisted logs in its old way."""

LAST_WORDS = 0.01
"""Seconds for the last lines of the log to reach the parent."""


class WorkerLink(control.ControlLink):
    """The worker's end of the link to its parent.

    Args:
        reactor: the worker's.
        sockets: what it listens on, one for each endpoint.
    """

    def __init__(self, reactor: Any, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._reactor = reactor
        self._sockets = sockets
        self._adopters: dict[str, Adopter] = {}
        self._service: IService | None = None
        self._ending = False

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        # Whoever starts the parent anew wants the port, now.
        for adopter in self._adopters.values():
            adopter.stop_listening()
        self.end()

    @control.Configure.responder
    def configure(self, role: str, settings: str) -> dict[str, object]:
        """Start the role."""
        make = importlib.import_module(role).make_worker
        config = json.loads(settings)
        self._adopters = {
            endpoint: Adopter(self._reactor, opened)
            for endpoint, opened in zip(config["listen"], self._sockets, strict=True)
        }

        def endpoint_for(string: str) -> IStreamServerEndpoint:
            return self._adopters[string].endpoint(string)

        service = self._service = cast(IService, make(config, self._reactor, endpoint_for))
        service.privilegedStartService()
        service.startService()
        for inherited in self._sockets:
            inherited.close()  # what listens has a copy, which ends when it stops listening
        spare_collector()
        FreeMemory(self._reactor).startService()
        return {}

    @control.Ping.responder
    def ping(self) -> dict[str, object]:
        """Be there."""
        return {}

    @control.Stop.responder
    def stop(self) -> dict[str, object]:
        """End."""
        self.end()
        return {}

    async def stop_service(self) -> None:
        """Stop the role, before the reactor stops."""
        self._ending = True
        service, self._service = self._service, None
        if service is not None:
            await maybeDeferred(service.stopService)
            await deferLater(self._reactor, LAST_WORDS)

    def leave(self) -> None:
        """End, after the parent has had another worker take over."""
        if self.transport is None:
            self.end()
        else:
            self.callRemote(control.Leave)

    def end(self) -> None:
        """Begin to end, once: the parent and its end may both ask for it."""
        if not self._ending:
            self._ending = True
            self._reactor.stop()


@implementer(ILogObserver)
class _PassingOn:
    """Passes log events on to the parent; below info, nothing."""

    def __init__(self, link: WorkerLink) -> None:
        self._link = link
        self._busy = False

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info)
        if self._link.transport is None or level < LogLevel.info or self._busy:
            return
        system = str(event.get("log_namespace", "-"))
        if system == LEGACY and not event.get("isError"):
            return  # Twisted's own line for each port, beside ours
        text = formatEvent(event)
        if "log_failure" in event:
            text += "\n" + event["log_failure"].getTraceback()
        self._busy = True  # what goes wrong in passing on must not be passed on
        try:
            self._link.callRemote(
                control.Log,
                level=level.name,
                system=system,
                text=text[: control.LOG_CHARACTERS],
            )
        finally:
            self._busy = False


def main() -> None:
    """Run a worker until its parent ends it, or ends."""
    reactor_module, sockets = sys.argv[1], int(sys.argv[2])
    importlib.import_module(reactor_module).install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    go_steady(reactor)
    first = control.DESCRIPTOR + 1
    inherited = [socket.socket(fileno=first + offset) for offset in range(sockets)]
    link = WorkerLink(reactor, inherited)
    globalLogBeginner.beginLoggingTo([_PassingOn(link)], redirectStandardIO=False)
    # A reactor takes both signals over when it runs, and stops at each, however often.
    reactor.callWhenRunning(signal.signal, signal.SIGINT, signal.SIG_IGN)
    reactor.callWhenRunning(
        signal.signal, signal.SIGTERM, lambda *_: reactor.callFromThread(link.leave)
    )
    # The parent passes this on; a role that has a use for it says so.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    reactor.callWhenRunning(
        reactor.adoptStreamConnection, control.DESCRIPTOR, socket.AF_UNIX, control.Once(link)
    )
    reactor.addSystemEventTrigger(
        "before", "shutdown", lambda: Deferred.fromCoroutine(link.stop_service())
    )
    reactor.run()
