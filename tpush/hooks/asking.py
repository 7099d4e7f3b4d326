"""A back end that is asked, before a client is taken."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, TimeoutError

from tpush.errors import HookFailed
from tpush.hooks.answer import Answer, read_answer
from tpush.hooks.post import Post
from tpush.limits import Limits


class ConnectHook:
    """Asks a back end.

    Args:
        post: asks one question.
        reactor: tells when time is up.
        limits: for how long, and how many questions at once.
        draw: returns the name of a new question.
    """

    def __init__(self, post: Post, reactor: Any, limits: Limits, draw: Callable[[], str]) -> None:
        self._post = post
        self._reactor = reactor
        self._seconds = limits.connect_hook_wait
        self._turns = DeferredSemaphore(limits.connect_hook_requests)
        self._draw = draw

    async def ask(self, question: bytes) -> Answer:
        """Return the answer; may be cancelled.

        Args:
            question: JSON.

        Raises:
            HookFailed: there is none in time, or none that can be read.
        """
        asking = Deferred.fromCoroutine(self._ask(question))
        try:
            return read_answer(await asking.addTimeout(self._seconds, self._reactor))
        except TimeoutError:
            raise HookFailed(f"no answer within {self._seconds:g} s") from None

    async def _ask(self, question: bytes) -> bytes:
        await self._turns.acquire()
        try:
            name = self._draw()
            try:
                return await self._post.send(name, question)
            except HookFailed as error:
                # A connection that was kept may have been closed by its other end just now.
                if not error.unanswered:
                    raise
                return await self._post.send(name, question)
        finally:
            self._turns.release()
