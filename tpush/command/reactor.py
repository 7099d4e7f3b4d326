"""Runs what needs the reactor, until it is done or a signal comes."""

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tpush.command.status import Status
from tpush.net.clock import go_steady


def run_until_done(begin: Callable[[Any], Coroutine[Deferred[Any], Any, int]]) -> int:
    """Return what *begin* returns, or that it was interrupted.

    Args:
        begin: does it, with the reactor; it is cancelled by a signal.

    Raises:
        Exception: what *begin* raises.
    """
    from twisted.internet import reactor

    ended: list[Any] = []
    running: list[Deferred[None]] = []
    go_steady(reactor)

    def end(result: Any) -> None:
        # A reactor that a signal stops closes connections, which ends what goes on on them.
        if not ended:
            ended.append(result)
            reactor.stop()

    def stop() -> None:
        if not ended:
            ended.append(Status.INTERRUPTED)
            # Else it would see its connections end, and take them for lost.
            for each in running:
                each.cancel()

    def start() -> None:
        running.append(Deferred.fromCoroutine(begin(reactor)).addBoth(end))

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    reactor.callWhenRunning(start)
    reactor.run()
    if isinstance(ended[0], Failure):
        ended[0].raiseException()
    return int(ended[0])
