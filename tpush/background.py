"""For a Deferred that nobody awaits."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger


def background(deferred: Deferred[Any] | Awaitable[Any], log: Logger, what: str) -> None:
    """Let *deferred* run by itself; a failure is logged.

    Args:
        deferred: or another awaitable.
        log: where to.
        what: what it was about, for the log.
    """

    async def run() -> None:
        try:
            await deferred
        except Exception:  # noqa: BLE001 - logged, as nobody else will
            log.failure("failed: {what}", what=what)

    _started = Deferred.fromCoroutine(run())
