"""Something that happens once."""

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tpush.net.moment import Moment


class MomentTests(SynchronousTestCase):
    def test_all_who_wait(self) -> None:
        """Everybody who waits has its value, whatever another one made of it."""
        moment: Moment[int] = Moment()
        doubled = moment.wait().addCallback(lambda value: 2 * value)
        plain = moment.wait()
        self.assertFalse(moment.happened)
        moment.happen(3)
        self.assertEqual((self.successResultOf(doubled), self.successResultOf(plain)), (6, 3))

    def test_too_late(self) -> None:
        """Who comes later has it at once; it does not happen again."""
        moment: Moment[int] = Moment()
        moment.happen(3)
        moment.happen(4)
        self.assertTrue(moment.happened)
        self.assertEqual(self.successResultOf(moment.wait()), 3)

    def test_impatience(self) -> None:
        """Who waits no more is left alone."""
        moment: Moment[int] = Moment()
        waiting = moment.wait()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        moment.happen(3)
