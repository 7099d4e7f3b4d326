"""Worker processes behind one address.

The parent opens the sockets, starts the workers and listens to nobody itself. A worker that dies
is started again, first at once and then after longer and longer pauses; what waits in its socket's
queue waits for it. A worker that stays down, or does not answer its parent, is not waited for: it
is killed where it hangs, and its socket is closed until it is started again.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.background import background
from tpush.net import control
from tpush.net.hangup import OnHangUp
from tpush.net.opening import Opened, Opener

PING_EVERY = 3.0
"""Seconds between two looks at a worker."""

ANSWER_WITHIN = 10.0
"""Seconds a worker has to answer, and to start."""

STOP_WITHIN = 9.0
"""Seconds a worker has to stop, before it is killed."""

PAUSE_FIRST = 0.1
PAUSE_MOST = 5.0
"""Seconds before a worker that died is started again; doubled where it dies young."""

YOUNG = 10.0
"""Seconds that a worker has to live for its end not to count as a failed start."""

DOWN_SHORTLY = 1.0
"""Seconds for which new connections wait for a worker that is down."""


class ParentLink(control.ControlLink):
    """The parent's end of the link to one worker.

    Args:
        number: which worker, for the log.
    """

    log = Logger()

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    @control.Log.responder
    def log_line(self, level: str, system: str, text: str) -> dict[str, object]:
        """Put a worker's line into the log of this process."""
        self.log.emit(
            LogLevel.lookupByName(level),
            "worker {worker}: [{system}] {text}",
            worker=self._number,
            system=system,
            text=text,
        )
        return {}


class _LinkFactory(Factory):
    noisy = False

    def __init__(self, link: ParentLink) -> None:
        self._link = link

    @override
    def buildProtocol(self, addr: object) -> ParentLink:
        return self._link


class Worker(ProcessProtocol):
    """One worker: the process that it is now, and the next one when that has died.

    Args:
        number: which, counted from 0.
        opened: the sockets of each endpoint.
        reactor: the parent's.
        role: the module whose ``make_worker`` makes the role.
        settings: what the role needs, in JSON.
    """

    log = Logger()

    def __init__(
        self, number: int, opened: Sequence[Opened], reactor: Any, role: str, settings: str
    ) -> None:
        self._number = number
        self._opened = opened
        self._reactor = reactor
        self._role = role
        self._settings = settings
        self._link: ParentLink | None = None
        self._began = 0.0
        self._deaths = 0
        self._suspended = False
        self._call: IDelayedCall | None = None
        self._hurry: IDelayedCall | None = None
        self._ended: Deferred[None] | None = None
        self._up = False

    def start(self) -> None:
        """Start a process."""
        if self._suspended:
            for each in self._opened:
                each.renew(self._number)
            self._suspended = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)  # noqa: FBT003 - it takes no keyword
        sockets = [each.of(self._number) for each in self._opened]
        nothing = os.open(os.devnull, os.O_RDONLY)
        descriptors: dict[int, int | str] = {0: nothing, 1: "r", 2: "r"}
        for target, source in enumerate((theirs, *sockets), control.DESCRIPTOR):
            descriptors[target] = source.fileno()
        self._began = self._reactor.seconds()
        self._up = True
        self._reactor.spawnProcess(
            self,
            sys.executable,
            [
                sys.executable,
                "-m",
                "tpush.net.worker",
                type(self._reactor).__module__,
                str(len(sockets)),
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            childFDs=descriptors,
        )
        os.close(nothing)
        theirs.close()
        link = self._link = ParentLink(self._number)
        self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, _LinkFactory(link))
        ours.close()
        background(self._look_after(link), self.log, f"looking after worker {self._number}")

    def hang_up(self) -> None:
        """Pass a SIGHUP on."""
        transport: Any = self.transport
        if self._up and transport is not None:
            transport.signalProcess("HUP")

    async def stop(self) -> None:
        """End the process and start no other; returns when it is gone."""
        self._cancel(self._call)
        self._ended = Deferred()
        if not self._up:
            return
        if self._link is not None and self._link.transport is not None:
            self._link.callRemote(control.Stop)
        self._hurry = self._reactor.callLater(STOP_WITHIN, self._kill)
        await self._ended

    # ProcessProtocol.

    @override
    def outReceived(self, data: bytes) -> None:
        self._log_output(data)

    @override
    def errReceived(self, data: bytes) -> None:
        self._log_output(data)

    @override
    def processEnded(self, reason: Failure) -> None:
        self._up = False
        self._cancel(self._hurry)
        self._cancel(self._call)
        if self._ended is not None:
            self._ended.callback(None)
            return
        young = self._reactor.seconds() - self._began < YOUNG
        self._deaths = self._deaths + 1 if young else 1
        pause = min(PAUSE_FIRST * 2 ** min(self._deaths - 1, 16), PAUSE_MOST)
        self.log.warn(
            "worker {worker} ended ({reason}), starting it again in {pause:g} s",
            worker=self._number,
            reason=reason.getErrorMessage(),
            pause=pause,
        )
        if pause > DOWN_SHORTLY:
            self._suspend()
        self._call = self._reactor.callLater(pause, self.start)

    async def _look_after(self, link: ParentLink) -> None:
        """Configure a worker, then see that it answers, until it is gone."""
        try:
            configured = link.callRemote(
                control.Configure, role=self._role, settings=self._settings
            )
            await configured.addTimeout(ANSWER_WITHIN, self._reactor)
            self.log.info("worker {worker} started", worker=self._number)
            while self._up and self._link is link:
                await self._pause()
                answered = link.callRemote(control.Ping)
                await answered.addTimeout(ANSWER_WITHIN, self._reactor)
        except (ConnectionDone, ConnectionLost):
            pass  # it has ended, or is about to
        except Exception as error:  # noqa: BLE001 - whatever it was, this process is of no use
            if self._ended is None:
                self.log.warn(
                    "killing worker {worker}: {error!r}", worker=self._number, error=error
                )
                self._kill()

    async def _pause(self) -> None:
        over: Deferred[None] = Deferred()
        self._call = self._reactor.callLater(PING_EVERY, over.callback, None)
        await over

    def _suspend(self) -> None:
        self._suspended = True
        for each in self._opened:
            each.suspend(self._number)

    def _kill(self) -> None:
        transport: Any = self.transport
        if self._up and transport is not None:
            transport.signalProcess("KILL")

    def _log_output(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            self.log.warn("worker {worker}: {line}", worker=self._number, line=line)

    def _cancel(self, call: IDelayedCall | None) -> None:
        if call is not None and call.active():
            call.cancel()


class PreforkService(MultiService):
    """Runs one role in several worker processes; a SIGHUP goes to each of them.

    Args:
        role: the module whose ``make_worker(settings, reactor, endpoint_for)`` makes the role.
        settings: what it is given; ``listen`` is the endpoint strings. Goes as JSON.
        workers: how many.
        reactor: the reactor to use; the default is Twisted's global one.
    """

    log = Logger()

    def __init__(
        self, role: str, settings: Mapping[str, Any], workers: int, *, reactor: Any = None
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        self._role = role
        self._settings = settings
        self._count = workers
        self._reactor = reactor
        self._opened: list[Opened] = []
        self._workers: list[Worker] = []
        OnHangUp(self._hang_up, reactor=reactor).setServiceParent(self)

    @override
    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._open()

    @override
    def startService(self) -> None:
        super().startService()
        self._open()
        settings = json.dumps(self._settings)
        self._workers = [
            Worker(number, self._opened, self._reactor, self._role, settings)
            for number in range(self._count)
        ]
        for worker in self._workers:
            worker.start()
        self.log.info(
            "{workers} workers listening on {endpoints}",
            workers=self._count,
            endpoints=" ".join(self._settings["listen"]),
        )

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        stops = [Deferred.fromCoroutine(worker.stop()) for worker in self._workers]
        await gatherResults(stops)
        for opened in self._opened:
            opened.close()
        self._workers, self._opened = [], []

    def _hang_up(self) -> None:
        for worker in self._workers:
            worker.hang_up()

    def _open(self) -> None:
        if not self._opened:
            opener = Opener(self._reactor, self._count)
            self._opened = [opener.open(endpoint) for endpoint in self._settings["listen"]]
