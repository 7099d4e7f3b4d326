"""What is cancelled ends as that, however far it had come."""

from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

Result = TypeVar("Result")


def cancellable(exchange: Deferred[Result]) -> Deferred[Result]:
    """Return the same, but where it is cancelled it fails with CancelledError, and at once.

    By itself an HTTP request fails in many ways then, by how far it had come: as one that could
    not connect, or was not answered. Who tries again after these would do so for nobody.

    Args:
        exchange: what is under way; it is cancelled too, and whatever it says of that is dropped.
    """

    def cancel(cancelled: Deferred[Result]) -> None:
        cancelled.errback(CancelledError())
        exchange.cancel()

    def pass_on(result: Result | Failure) -> None:
        if not passed.called:
            passed.callback(result)

    passed: Deferred[Result] = Deferred(cancel)
    _passing = exchange.addBoth(pass_on)
    return passed
