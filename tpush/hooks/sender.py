"""Events on their way to a back end: one batch at a time, so that their order is kept.

Whoever has something to tell never waits for it: it is put into a queue that has a bound. A batch
that is not taken is sent again, after longer and longer pauses, and then given up. A back end that
answers that it is gone is sent nothing more.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from tpush.errors import HookFailed, HookGone
from tpush.hooks.backoff import pause
from tpush.hooks.post import Post
from tpush.hooks.queue import Bounds, EventQueue, body_of
from tpush.limits import Limits
from tpush.metrics import PusherMetrics
from tpush.sparing import SparingLog

LINES = 3
"""A second, in the log, of what goes wrong."""


class Sender:
    """Sends events.

    Args:
        post: sends a batch.
        reactor: tells the time.
        limits: how many wait and go, how often, and when again.
        metrics: counts them.
        draw: returns the name of a new batch.
        chance: returns a number from 0 to 1, for the length of pauses.
    """

    log = Logger()

    def __init__(
        self,
        post: Post,
        reactor: IReactorTime,
        limits: Limits,
        metrics: PusherMetrics,
        draw: Callable[[], str],
        chance: Callable[[], float],
    ) -> None:
        self._post = post
        self._reactor = reactor
        self._limits = limits
        self._metrics = metrics
        self._draw = draw
        self._chance = chance
        self._queue = EventQueue(
            Bounds(
                limits.hook_events,
                limits.hook_bytes,
                limits.hook_batch,
                limits.hook_batch_bytes,
            )
        )
        self._log = SparingLog(self.log, reactor, LINES)
        self._running: Deferred[None] | None = None
        self._pausing: Deferred[None] | None = None
        self._stopped = False
        self._gone = False

    def add(self, event: bytes) -> None:
        """Have an event sent.

        Args:
            event: as JSON.
        """
        if self._stopped:
            self._lose(1, "the worker has ended")
            return
        if self._gone:  # which the log has said
            self._metrics.hook_dropped += 1
            return
        self._lose(self._queue.add(event), "too many wait")
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._run())

    def begin_anew(self) -> None:
        """Send to a back end again that was gone: whoever runs it says that it is there."""
        self._gone = False

    async def stop(self) -> None:
        """Send what waits; what is not taken within ``limits.stop_wait`` is given up."""
        # A client that is dropped in this turn is told of in the next.
        await deferLater(self._reactor, 0)
        self._hurry()
        if self._running is not None:
            with suppress(TimeoutError):
                await self._running.addTimeout(self._limits.stop_wait, self._reactor)
        self._lose(self._queue.clear(), "the worker ends")
        self._stopped = True
        self._log.stop()

    async def _run(self) -> None:
        try:
            await self._pause(self._limits.hook_gather)
            while batch := self._queue.take():
                await self._deliver(batch)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001 - logged; the next event begins anew
            self.log.failure("events cannot be sent")
        finally:
            self._running = None

    async def _deliver(self, batch: Sequence[bytes]) -> None:
        try:
            taken = await self._try(self._draw(), body_of(batch, self._metrics.hook_dropped))
        except CancelledError:
            self._lose(len(batch), "the worker ends")
            raise
        except HookGone as gone:
            self._give_up(len(batch), gone)
            return
        if taken:
            self._metrics.hook_events += len(batch)
        else:
            self._lose(len(batch), f"{self._limits.hook_attempts} attempts failed")

    async def _try(self, name: str, body: bytes) -> bool:
        """Send a batch, again where that fails; return whether it was taken at last."""
        most = self._limits.hook_attempts
        for attempt in range(1, most + 1):
            failure = await self._attempt(name, body, attempt)
            if failure is None:
                return True
            # Who asks to be left alone is not sent another batch either.
            if attempt < most or failure.asked:
                await self._pause(self._wait(attempt, failure.asked))
        return False

    async def _attempt(self, name: str, body: bytes, attempt: int) -> HookFailed | None:
        try:
            await self._post.send(name, body)
        except HookFailed as error:
            self._metrics.hook_failures += 1
            if isinstance(error, HookGone):
                raise
            self._log.warn(
                "attempt {attempt} to send events to --webhook failed: {error}",
                attempt=attempt,
                error=error,
            )
            return error
        return None

    def _wait(self, failures: int, asked: float) -> float:
        first, most = self._limits.hook_retry_first, self._limits.hook_retry_most
        return pause(failures, first, most, self._chance(), asked)

    def _give_up(self, sent: int, gone: HookGone) -> None:
        """Drop what was just sent and what waits, and whatever comes from now on."""
        self._gone = True
        lost = sent + self._queue.clear()
        self._metrics.hook_dropped += lost
        self.log.warn(
            "--webhook wants no more: {gone}. {events} events were not sent, and none will be "
            "until a SIGHUP or a restart",
            gone=gone,
            events=lost,
        )

    async def _pause(self, seconds: float) -> None:
        """Wait, or until somebody is in a hurry."""
        self._pausing = Deferred()
        timer = self._reactor.callLater(seconds, self._hurry)
        try:
            await self._pausing
        finally:
            self._pausing = None
            if timer.active():
                timer.cancel()

    def _hurry(self) -> None:
        if self._pausing is not None:
            self._pausing.callback(None)

    def _lose(self, events: int, why: str) -> None:
        if events:
            self._metrics.hook_dropped += events
            self._log.warn(
                "{events} events were not sent to --webhook, {dropped} so far: {why}",
                events=events,
                dropped=self._metrics.hook_dropped,
                why=why,
            )
