"""What is cancelled."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tpush.cancellable import cancellable


class CancellableTests(SynchronousTestCase):
    """It ends as that."""

    def test_passed_on(self) -> None:
        """What comes of it comes through, be it an error."""
        for result in (7, ValueError("no")):
            exchange: Deferred[int] = Deferred()
            passed = cancellable(exchange)
            self.assertNoResult(passed)
            if isinstance(result, int):
                exchange.callback(result)
                self.assertEqual(self.successResultOf(passed), result)
            else:
                exchange.errback(result)
                self.failureResultOf(passed, ValueError)

    def test_cancelled(self) -> None:
        """Whatever it makes of being cancelled."""
        for canceller in (
            None,
            lambda d: d.errback(ValueError("ended")),
            lambda d: d.callback(7),
        ):
            exchange: Deferred[int] = Deferred(canceller)
            passed = cancellable(exchange)
            passed.cancel()
            self.failureResultOf(passed, CancelledError)
            self.assertTrue(exchange.called)
