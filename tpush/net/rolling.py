"""Replacing all workers, one by one, while clients come and go."""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import CancelledError, Deferred

from tpush.errors import NotReplaced
from tpush.net.moment import Moment


class Replaceable(Protocol):
    """The place of one worker."""

    def replace(self) -> Deferred[Moment[str]]:
        """Fire when another process serves there, with the end of the one that did."""
        ...


class Rolling:
    """Replaces workers, round after round for as long as it is asked for.

    In a round each worker is replaced once the one before it is. Those that were replaced end
    meanwhile, in their own time: so most clients go from an old worker to a new one, and are not
    disconnected again by the same round. It is over when they have ended.

    Args:
        slots: the places of all workers.
    """

    def __init__(self, slots: Sequence[Replaceable]) -> None:
        self._slots = slots
        self._asked: list[Deferred[None]] = []
        self._running: Deferred[None] | None = None

    def ask(self) -> Deferred[None]:
        """Replace all workers; where a round goes on, in one more round after it.

        Returns:
            Fires when that round is over; fails with :exc:`~tpush.errors.NotReplaced` where a new
            worker does not come up: it and those after it are then not replaced.
        """
        asked: Deferred[None] = Deferred()
        self._asked.append(asked)
        if self._running is None:
            self._running = Deferred.fromCoroutine(self._run())
        return asked

    def stop(self) -> None:
        """Replace no more."""
        self._asked.clear()
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> None:
        try:
            while self._asked:
                await self._round()
        except CancelledError:
            pass  # this is how it ends while somebody is being replaced
        finally:
            self._running = None

    async def _round(self) -> None:
        asked, self._asked = self._asked, []
        ends = []
        error = None
        for slot in self._slots:
            try:
                ends.append(await slot.replace())
            except NotReplaced as not_replaced:
                error = not_replaced
                break
        if error is not None:
            for each in asked:
                each.errback(error)
        for end in ends:
            await end.wait()
        if error is None:
            for each in asked:
                each.callback(None)
