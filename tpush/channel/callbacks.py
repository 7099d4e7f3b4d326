"""A program's callbacks: which are called, and what becomes of what they return."""

from collections.abc import Callable, Collection
from inspect import iscoroutine
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from tpush.background import background
from tpush.message import Job, Message

NOT_DONE = False

Callback = Callable[[Message], object]


class Callbacks:
    """Callbacks by event and by queue: functions, which may be async or return Deferreds."""

    log = Logger()

    def __init__(self) -> None:
        self.events: dict[str, Callback] = {}
        self.queues: dict[str, tuple[Callable[[Job], object], bool]] = {}
        """Each with whether its jobs are asked for."""
        self.order: Callback | None = None
        """Carries orders out."""

    def deliver(self, message: Message) -> bool:
        """Call what subscribed to an event of *message*, each once; what it raises is logged.

        Returns:
            Whether anything did.
        """
        found = self._subscribed(message)
        for each in found:
            self._call(each, message)
        return bool(found)

    def _subscribed(self, message: Message) -> Collection[Callback]:
        if message.order:
            return () if self.order is None else (self.order,)
        if message.also:
            events = (event for event, _ in message.targets if event in self.events)
            return dict.fromkeys(self.events[event] for event in events)
        callback = self.events.get(message.event)
        return () if callback is None else (callback,)

    def _call(self, callback: Callback, message: Message) -> None:
        try:
            result = callback(message)
        except Exception:  # noqa: BLE001 - whatever the program's callback raises is its own
            self._log_failed(Failure(), message.event)
            return
        if result is not None:
            background(self._deferred(result), self.log, f"the callback of {message.event!r}")

    def run(self, job: Job) -> Deferred[bool]:
        """Call what watches the queue of *job*.

        Returns:
            Fires with whether the job is done, when the callback has finished.
        """
        callback, _ = self.queues.get(job.queue, (None, False))
        if callback is None:
            return succeed(NOT_DONE)
        try:
            result = callback(job)
        except Exception:  # noqa: BLE001 - see above
            self._log_failed(Failure(), job.queue)
            return succeed(NOT_DONE)
        return self._deferred(result).addCallbacks(
            lambda _: True, self._log_failed, errbackArgs=(job.queue,)
        )

    def _deferred(self, result: Any) -> Deferred[Any]:
        if iscoroutine(result):
            return Deferred.fromCoroutine(result)
        return result if isinstance(result, Deferred) else succeed(result)

    def _log_failed(self, failure: Failure, name: str) -> bool:
        self.log.failure("failed: the callback of {name!r}", failure, name=name)
        return False
