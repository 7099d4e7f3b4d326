"""Worker processes behind one address.

The parent opens the sockets, starts the workers and listens to nobody itself. A worker that dies
is started again, first at once and then after longer and longer pauses; what waits in its socket's
queue waits for it. A worker that stays down is not waited for: its socket listens no more until it
is started again. One that does not answer its parent is killed.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import deferLater
from twisted.logger import Logger
from typing_extensions import override

from tpush.background import background
from tpush.net.hangup import OnHangUp
from tpush.net.opening import Opened, Opener
from tpush.net.process import WorkerProcess

START_WITHIN = 60.0
"""Seconds a worker has to start: a cold disk is slow."""

PING_EVERY = 3.0
"""Seconds between two looks at a worker."""

ANSWER_WITHIN = 10.0
"""Seconds a worker has to answer."""

STOP_WITHIN = 9.0
"""Seconds a worker has to stop, before it is killed."""

PAUSE_FIRST = 0.1
PAUSE_MOST = 5.0
"""Seconds before a worker that died is started again; doubled where it dies young."""

YOUNG = 10.0
"""Seconds that a worker has to live for its end not to count as a failed start."""

DOWN_SHORTLY = 1.0
"""Seconds for which new connections wait for a worker that is down."""


class Worker:
    """One worker: the process that it is now, and the next one when that has died.

    Args:
        number: which, counted from 0.
        opened: the sockets of each endpoint.
        reactor: the parent's.
        role: the module whose ``make_worker`` makes the role.
        settings: what the role needs, in JSON.
        starts: how many may start at once.
    """

    log = Logger()

    def __init__(
        self,
        number: int,
        opened: Sequence[Opened],
        reactor: Any,
        role: str,
        settings: str,
        starts: DeferredSemaphore,
    ) -> None:
        self._number = number
        self._opened = opened
        self._reactor = reactor
        self._role = role
        self._settings = settings
        self._starts = starts
        self._process: WorkerProcess | None = None
        self._stopping = False
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Keep a process running, until :meth:`stop`."""
        self._running = Deferred.fromCoroutine(self._run())

    def hang_up(self) -> None:
        """Pass a SIGHUP on."""
        if self._process is not None:
            self._process.signal("HUP")

    async def stop(self) -> None:
        """End the process and start no other; returns when it is gone."""
        self._stopping = True
        running = self._running
        if running is None:
            return
        if self._process is None:
            running.cancel()
            await running
            return
        self._process.stop()
        hurry = self._reactor.callLater(STOP_WITHIN, self._process.signal, "KILL")
        await running
        if hurry.active():
            hurry.cancel()

    async def _run(self) -> None:
        deaths = 0
        try:
            while not self._stopping:
                began = self._reactor.seconds()
                reason = await self._live()
                young = self._reactor.seconds() - began < YOUNG
                deaths = deaths + 1 if young else 1
                if not self._stopping:
                    await self._rest(
                        reason, min(PAUSE_FIRST * 2 ** min(deaths - 1, 16), PAUSE_MOST)
                    )
        except CancelledError:
            return  # this is how it ends while there is no process

    async def _live(self) -> str:
        """Run one process to its end; return why it ended."""
        await self._starts.acquire()
        try:
            for each in self._opened:
                each.resume(self._number)
            sockets = [each.of(self._number) for each in self._opened]
            process = self._process = WorkerProcess(self._number, sockets, self._reactor)
        except OSError as error:
            self._starts.release()
            return f"it cannot be started: {error}"
        background(self._tend(process), self.log, f"tending worker {self._number}")
        background(self._suspend_when_stopping(process), self.log, "suspending")
        reason = await process.ended
        self._process = None
        return reason

    async def _tend(self, process: WorkerProcess) -> None:
        """See that a process starts, and then that it answers, until it is gone."""
        try:
            try:
                configured = process.configure(self._role, self._settings)
                await configured.addTimeout(START_WITHIN, self._reactor)
            finally:
                self._starts.release()
            self.log.info("process {process} started", process=self._number)
            while self._process is process:
                await deferLater(self._reactor, PING_EVERY)
                await process.ping().addTimeout(ANSWER_WITHIN, self._reactor)
        except (ConnectionDone, ConnectionLost):
            pass  # it has ended, or is about to
        except Exception as error:  # noqa: BLE001 - whatever it was, this process is of no use
            if not self._stopping:
                self.log.warn(
                    "killing process {process}: {error!r}", process=self._number, error=error
                )
                process.signal("KILL")

    async def _suspend_when_stopping(self, process: WorkerProcess) -> None:
        await process.stopping
        self._suspend()

    async def _rest(self, reason: str, pause: float) -> None:
        self.log.warn(
            "process {process} ended ({reason}), starting it again in {pause:g} s",
            process=self._number,
            reason=reason,
            pause=pause,
        )
        if pause > DOWN_SHORTLY:
            self._suspend()
        await deferLater(self._reactor, pause)

    def _suspend(self) -> None:
        for each in self._opened:
            each.suspend(self._number)


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
        starts = DeferredSemaphore(max(2, os.cpu_count() or 1))
        self._workers = [
            Worker(number, self._opened, self._reactor, self._role, settings, starts)
            for number in range(self._count)
        ]
        for worker in self._workers:
            worker.start()
        self.log.info(
            "{workers} workers listening on {endpoints}",
            workers=self._count,
            endpoints=" ".join(str(opened) for opened in self._opened),
        )

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        # First of all: a worker that stops listening has then let go of its socket's last copy.
        for opened in self._opened:
            opened.close()
        stops = [Deferred.fromCoroutine(worker.stop()) for worker in self._workers]
        await gatherResults(stops)
        self._workers, self._opened = [], []

    def _hang_up(self) -> None:
        for worker in self._workers:
            worker.hang_up()

    def _open(self) -> None:
        if not self._opened:
            opener = Opener(self._reactor, self._count)
            self._opened = [opener.open(endpoint) for endpoint in self._settings["listen"]]
