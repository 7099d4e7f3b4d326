"""The place of one worker: the process that serves there, and those that are leaving it.

A process that dies is started again, first at once and then after longer and longer pauses; what
waits in its socket's queue waits for it. One that stays down is not waited for: its socket listens
no more until it is started again. One that does not answer its parent is killed. One that is
replaced serves until the next one does; then it is told to end, and has its time for that.
"""

import os
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tpush.background import background
from tpush.errors import NotReplaced
from tpush.net.moment import Moment
from tpush.net.opening import Opened
from tpush.net.process import WorkerProcess

START_WITHIN = 60.0
"""Seconds a worker has to start: a cold disk is slow."""

PING_EVERY = 3.0
"""Seconds between two looks at a worker."""

ANSWER_WITHIN = 10.0
"""Seconds a worker has to answer."""

PAUSE_FIRST = 0.1
PAUSE_MOST = 5.0
"""Seconds before a worker that died is started again; doubled where it dies young."""

YOUNG = 10.0
"""Seconds that a worker has to live for its end not to count as a failed start."""

DOWN_SHORTLY = 1.0
"""Seconds for which new connections wait for a worker that is down."""


class Work:
    """What the workers of one parent do.

    Args:
        role: the module whose ``make_worker`` makes the role.
        settings: what the role needs, in JSON; those that start later may be given other ones.
        ending: seconds that one may take to end, before it is killed.
    """

    def __init__(self, role: str, settings: str, ending: float) -> None:
        self.role = role
        self.settings = settings
        self.ending = ending
        self.starts = DeferredSemaphore(max(2, os.cpu_count() or 1))
        """How many may start at once."""


class Slot:
    """The place of one worker.

    One loop starts all processes there: while it waits for a new one to come up it starts no other.

    Args:
        number: which, counted from 0.
        work: what is done there.
        opened: the sockets of each endpoint.
        reactor: the parent's.
    """

    log = Logger()

    def __init__(self, number: int, work: Work, opened: Sequence[Opened], reactor: Any) -> None:
        self._number = number
        self._work = work
        self._opened = opened
        self._reactor = reactor
        self._serving: WorkerProcess | None = None
        self._processes: set[WorkerProcess] = set()
        """All that live."""
        self._wish: Deferred[Moment[str]] | None = None
        """That another process takes over."""
        self._news: Moment[None] = Moment()
        self._stopping = False
        self._running: Deferred[None] | None = None

    def start(self) -> None:
        """Keep a process serving, until :meth:`stop`."""
        self._running = Deferred.fromCoroutine(self._run())

    def hang_up(self) -> None:
        """Pass a SIGHUP on."""
        if self._serving is not None:
            self._serving.signal("HUP")

    def replace(self) -> Deferred[Moment[str]]:
        """Let another process take over, and the one that serves then end.

        Returns:
            Fires when the other one serves, with the end of the one that did; at once where none
            serves, as the next one is another one anyway. Fails with
            :exc:`~tpush.errors.NotReplaced` where it does not come up.
        """
        self._wish = wish = Deferred[Moment[str]]()
        if self._serving is None:
            self._forget_wish()
        self._news.happen(None)
        return wish

    async def stop(self) -> None:
        """End all processes and start no other; returns when they are gone."""
        self._stopping = True
        if self._running is not None:
            self._running.cancel()
            await self._running
        left = list(self._processes)
        await gatherResults([Deferred.fromCoroutine(self._see_out(each)) for each in left])

    async def _run(self) -> None:
        deaths = 0
        try:
            while True:
                reason, lived = await self._serve()
                deaths = deaths + 1 if lived < YOUNG else 1
                await self._rest(reason, min(PAUSE_FIRST * 2 ** min(deaths - 1, 16), PAUSE_MOST))
        except CancelledError:
            return

    async def _serve(self) -> tuple[str, float]:
        """Have a process serve, or another one, until none does.

        Returns:
            Why none does, and for how many seconds the last one lived.
        """
        began = self._reactor.seconds()
        try:
            serving = self._serving = await self._start()
        except OSError as error:
            return f"it cannot be started: {error}", 0
        while True:
            self._news = Moment()
            if serving.ended.happened:
                break
            if self._wish is None and not serving.told.happened:
                await self._news.wait()
                continue
            wish, self._wish = self._wish, None
            try:
                successor = await self._succeed(serving)
            except NotReplaced as error:
                if wish is not None:
                    wish.errback(error)
                if serving.told.happened:
                    self.log.warn("{error}; it ends all the same", error=error)
                    await self._see_out(serving)  # whoever told it has a reason
            else:
                if wish is not None:
                    wish.callback(serving.ended)
                serving, began = successor, self._reactor.seconds()
        self._serving = None
        self._forget_wish()
        return await serving.ended.wait(), self._reactor.seconds() - began

    async def _succeed(self, serving: WorkerProcess) -> WorkerProcess:
        """Let another process serve instead of *serving*, which ends then; return it.

        Raises:
            NotReplaced: it does not come up.
        """
        what = f"process {self._number} is not replaced:"
        try:
            successor = await self._start()
        except OSError as error:
            raise NotReplaced(f"{what} no other can be started: {error}") from None
        if not await successor.up.wait():
            raise NotReplaced(f"{what} the new one does not come up")
        self._serving = successor
        background(self._see_out(serving), self.log, f"the end of worker {self._number}")
        return successor

    def _forget_wish(self) -> None:
        """Grant one where nobody serves: whoever does next is another one."""
        wish, self._wish = self._wish, None
        if wish is not None:
            ended: Moment[str] = Moment()
            ended.happen("it had ended before")
            wish.callback(ended)

    async def _start(self) -> WorkerProcess:
        """Start a process.

        Raises:
            OSError: it cannot be started.
        """
        await self._work.starts.acquire()
        try:
            for each in self._opened:
                each.resume(self._number)
            sockets = [each.of(self._number) for each in self._opened]
            process = WorkerProcess(self._number, sockets, self._reactor)
        except OSError:
            self._work.starts.release()
            raise
        self._processes.add(process)
        background(self._tend(process), self.log, f"tending worker {self._number}")
        background(self._notice(process), self.log, f"noticing worker {self._number}")
        return process

    async def _tend(self, process: WorkerProcess) -> None:
        """See that a process starts, and then that it answers, until it is gone."""
        try:
            try:
                configured = process.configure(self._work.role, self._work.settings)
                await configured.addTimeout(START_WITHIN, self._reactor)
            finally:
                self._work.starts.release()
            self.log.info("process {process} started", process=self._number)
            process.up.happen(True)  # noqa: FBT003 - the answer to its name
            while not process.ended.happened:
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

    async def _notice(self, process: WorkerProcess) -> None:
        """Notice what becomes of a process."""
        _told = process.told.wait().addCallback(lambda _: self._news.happen(None))
        await process.ended.wait()
        self._processes.discard(process)
        self._news.happen(None)

    async def _see_out(self, process: WorkerProcess) -> None:
        """Have a process end; returns when it is gone."""
        if process.up.happened:
            process.stop()
        else:
            process.signal("KILL")  # it serves nobody yet
        hurry = self._reactor.callLater(self._work.ending, process.signal, "KILL")
        why = await process.ended.wait()
        if hurry.active():
            hurry.cancel()
        self.log.info("process {process} ended ({why})", process=self._number, why=why)

    async def _rest(self, reason: str, pause: float) -> None:
        self.log.warn(
            "process {process} ended ({reason}), starting it again in {pause:g} s",
            process=self._number,
            reason=reason,
            pause=pause,
        )
        if pause > DOWN_SHORTLY:
            for each in self._opened:
                each.suspend(self._number)
        await deferLater(self._reactor, pause)
