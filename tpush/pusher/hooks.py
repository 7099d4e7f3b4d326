"""The back ends that a worker calls, and their lifetime."""

import os
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from tpush.hooks.settings import HookSettings
from tpush.limits import Limits
from tpush.metrics import PusherMetrics
from tpush.net.clock import time_of_day
from tpush.pusher.asking import Asking
from tpush.pusher.telling import NOBODY, EventTelling, Telling

if TYPE_CHECKING:
    from twisted.web.client import HTTPConnectionPool

    from tpush.hooks.sender import Sender

NAME_BYTES = 16
"""Random bytes of the name of a call."""


class Hooks:
    """Makes what the settings ask for, and nothing else.

    Args:
        settings: which back ends.
        reactor: the reactor to use.
        limits: bounds and times.
        metrics: counts.
        entropy: gives that many random bytes.
    """

    def __init__(
        self,
        settings: HookSettings,
        reactor: Any,
        limits: Limits,
        metrics: PusherMetrics,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.telling: Telling = NOBODY
        self.asking: Asking | None = None
        self._keys = keys = settings.keys
        self._sender: Sender | None = None
        self._pool: HTTPConnectionPool | None = None
        if keys is None:
            return
        # An HTTP client is 50 ms of a worker's start, and one that calls nobody does without.
        from tpush.hooks import sender
        from tpush.hooks.agent import make_agent, make_pool
        from tpush.hooks.asking import ConnectHook
        from tpush.hooks.post import Post

        self._pool = make_pool(reactor, limits.connect_hook_requests + 1)
        agent = make_agent(reactor, self._pool)

        def post(url: str, seconds: float) -> Post:
            return Post(url, agent, keys, reactor, seconds, time_of_day)

        def draw() -> str:
            return f"msg_{entropy(NAME_BYTES).hex()}"

        if settings.webhook:
            chance = Random(entropy(8)).random  # noqa: S311 - the length of pauses
            told = post(settings.webhook, limits.hook_wait)
            self._sender = sender.Sender(told, reactor, limits, metrics, draw, chance)
            self.telling = EventTelling(self._sender.add, time_of_day)
        if settings.connect_hook:
            asked = post(settings.connect_hook, limits.connect_hook_wait)
            hook = ConnectHook(asked, reactor, limits, draw)
            self.asking = Asking(hook, reactor, metrics, time_of_day)

    def reload(self) -> None:
        """Read the secrets again, and tell a back end again that wanted no more.

        Raises:
            UnsafeSecret: they cannot be used; those that were there still sign.
        """
        if self._sender is not None:
            self._sender.begin_anew()
        if self._keys is not None:
            self._keys.reload()

    async def stop(self) -> None:
        """Send what waits, within its time; returns when no connection is left."""
        if self._sender is not None:
            await self._sender.stop()
        if self.asking is not None:
            self.asking.stop()
        if self._pool is not None:
            await self._pool.closeCachedConnections()
