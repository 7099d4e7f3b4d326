"""The clock of a simulated process: what a reactor would do, and what SIGSTOP does to one."""

from random import Random

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.simulation.clock import Clock, Timeline

TURN = 0.01


class ClockTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.timeline = Timeline()
        self.clock = Clock(self.timeline, "one", Random(1), TURN)
        self.other = Clock(self.timeline, "other", Random(2), TURN)
        self.done: list[object] = []

    def test_order(self) -> None:
        """Calls are made in the order of their times, then as they were asked for."""
        for name, delay in (("late", 2), ("first", 1), ("second", 1)):
            self.clock.callLater(delay, self.done.append, name)
        self.timeline.run(1.5)
        self.assertEqual((self.done, self.clock.seconds()), (["first", "second"], 1.5))
        self.timeline.run(1)
        self.assertEqual(self.done, ["first", "second", "late"])

    def test_end_of_turn(self) -> None:
        """What is to be done at once is done when the turn has ended, in order."""
        for name in "ab":
            self.clock.callLater(0, self.done.append, name)
        self.assertEqual(self.done, [])
        self.timeline.run(TURN)
        self.assertEqual(self.done, ["a", "b"])

    def test_cancelled(self) -> None:
        """A call that was cancelled is not made, nor left; it cannot be cancelled again."""
        call = self.clock.callLater(1, self.done.append, "x")
        call.cancel()
        self.assertFalse(call.active())
        self.assertRaises(AlreadyCancelled, call.cancel)
        self.timeline.run(2)
        self.assertEqual((self.done, self.clock.getDelayedCalls()), ([], []))

    def test_called(self) -> None:
        """One that was made can neither be cancelled nor put off."""
        call = self.clock.callLater(1, self.done.append, "x")
        self.assertEqual(self.clock.getDelayedCalls(), [call])
        self.timeline.run(2)
        self.assertRaises(AlreadyCalled, call.cancel)
        self.assertRaises(AlreadyCalled, call.reset, 1)

    def test_put_off(self) -> None:
        """A call may be made later or earlier than was asked first; once."""
        later = self.clock.callLater(1, self.done.append, "later")
        earlier = self.clock.callLater(9, self.done.append, "earlier")
        at_once = self.clock.callLater(0, self.done.append, "not at once")
        later.delay(2)
        earlier.reset(2)
        at_once.reset(4)
        self.timeline.run(1.5)
        self.assertEqual(self.done, [])
        self.timeline.run(20)
        self.assertEqual(self.done, ["earlier", "later", "not at once"])

    def test_stopped(self) -> None:
        """A stopped process does nothing, and then what was due before what has come."""
        self.clock.callLater(1, self.done.append, "due")
        self.clock.callLater(9, self.done.append, "later")
        self.other.callLater(1, self.done.append, "another's")
        self.clock.stop()
        self.timeline.put(0.5, self.clock, lambda: self.done.append("came"))
        self.timeline.run(2)
        self.assertEqual(self.done, ["another's"])
        self.clock.go_on()
        self.timeline.run(0)
        self.assertEqual(self.done, ["another's", "due", "came"])
        self.timeline.run(9)
        self.assertEqual(self.done[3:], ["later"])

    def test_dead(self) -> None:
        """What a process has not done when it dies is never done, whatever comes."""
        self.clock.callLater(1, self.done.append, "never")
        self.clock.stop()
        self.timeline.put(0.5, self.clock, lambda: self.done.append("never"))
        self.timeline.run(2)
        self.clock.die()
        self.clock.go_on()
        self.clock.callLater(1, self.done.append, "never")
        self.timeline.run(2)
        self.assertEqual(self.done, [])
