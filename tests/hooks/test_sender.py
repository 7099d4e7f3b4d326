"""Events on their way, on a clock."""

# ruff: noqa: N802 - assertions are named as trial's own

import json
from dataclasses import replace
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.hooks.post import FakePost
from tpush.hooks.backoff import LEAST
from tpush.hooks.sender import LINES, Sender
from tpush.limits import Limits
from tpush.metrics import PusherMetrics


class SenderTests(SynchronousTestCase):
    """In order, one batch at a time, again where it fails, and within bounds."""

    @override
    def setUp(self) -> None:
        self.start()

    def start(self, **limits: Any) -> None:
        self.clock = Clock()
        self.post = FakePost()
        self.metrics = PusherMetrics()
        self.limits = replace(Limits(), **{"hook_batch": 3, "hook_attempts": 3, **limits})
        numbers = count(1)
        self.chance = 1.0
        self.sender = Sender(
            self.post,
            self.clock,
            self.limits,
            self.metrics,
            lambda: f"msg_{next(numbers)}",
            lambda: self.chance,
        )

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.sender.add(b"%d" % number)

    def gather(self) -> None:
        self.clock.advance(self.limits.hook_gather)

    def assertSent(self, *batches: list[int]) -> None:
        self.assertEqual([json.loads(body)["events"] for _, body in self.post.sent], list(batches))

    def assertQuiet(self) -> None:
        """Nothing is under way; but for a line in the log, no timer is left."""
        self.assertEqual(self.post.waiting, [])
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_batches(self) -> None:
        """What comes together goes together, up to a bound; one batch at a time."""
        self.add(1)
        self.clock.advance(self.limits.hook_gather - 0.01)
        self.add(2)
        self.assertSent()
        self.clock.advance(0.01)
        self.assertSent([1, 2])
        self.add(3, 4, 5, 6)
        self.clock.advance(1)
        self.assertSent([1, 2])
        self.post.answer()
        self.assertSent([1, 2], [3, 4, 5])
        self.post.answer()
        self.post.answer()
        self.assertSent([1, 2], [3, 4, 5], [6])
        self.assertEqual(self.metrics.hook_events, 6)
        self.assertQuiet()
        self.add(7)
        self.gather()
        self.assertSent([1, 2], [3, 4, 5], [6], [7])
        self.assertEqual(len({name for name, _ in self.post.sent}), 4)

    def test_again(self) -> None:
        """A batch that fails is sent again by the same name, later and later; order is kept."""
        self.add(1)
        self.gather()
        self.add(2)
        for wait in (0.5, 1.0):
            self.post.fail()
            self.clock.advance(wait - 0.01)
            self.assertEqual(self.post.waiting, [])
            self.clock.advance(0.01)
            self.assertEqual(len(self.post.waiting), 1)
        self.post.answer()
        self.assertSent([1], [1], [1], [2])
        self.assertEqual([name for name, _ in self.post.sent], ["msg_1"] * 3 + ["msg_2"])
        self.post.answer()
        self.assertEqual((self.metrics.hook_events, self.metrics.hook_dropped), (2, 0))
        self.assertEqual(self.metrics.hook_failures, 2)
        self.assertQuiet()

    def test_chance(self) -> None:
        """How long a pause is, is left to chance: so that not all come back together."""
        self.chance = 0.0
        self.add(1)
        self.gather()
        self.post.fail()
        self.clock.advance(LEAST * self.limits.hook_retry_first)
        self.assertSent([1], [1])
        self.post.answer()
        self.assertQuiet()

    def test_given_up(self) -> None:
        """After its attempts a batch is dropped, which the next one tells."""
        self.add(1, 2)
        self.gather()
        self.add(3)
        for _ in range(3):
            self.post.fail()
            self.clock.advance(self.limits.hook_retry_most)
        self.assertSent([1, 2], [1, 2], [1, 2], [3])
        self.assertEqual(json.loads(self.post.sent[-1][1])["dropped"], 2)
        self.assertEqual((self.metrics.hook_dropped, self.metrics.hook_failures), (2, 3))
        self.post.answer()
        self.assertQuiet()

    def assertPauses(self, seconds: float) -> None:
        """The next attempt is made after so many, and no sooner."""
        sent = len(self.post.sent)
        self.clock.advance(seconds - 0.01)
        self.assertEqual(len(self.post.sent), sent)
        self.clock.advance(0.02)
        self.assertEqual(len(self.post.sent), sent + 1)

    def test_left_alone(self) -> None:
        """Nothing is sent sooner than was asked for, which has a bound, nor another batch."""
        self.add(1, 2, 3)
        self.gather()
        self.add(4)
        for asked, wait in ((7, 7.5), (3600, 30), (5, 7)):
            self.post.fail(asked=asked)
            self.assertPauses(wait)
        self.assertSent(*[[1, 2, 3]] * 3, [4])
        self.post.answer()
        self.assertEqual(self.metrics.hook_dropped, 3)
        self.assertQuiet()

    def test_gone(self) -> None:
        """Who wants no more is sent no more, which is one line; all of it is counted."""
        with capturedLogs() as events:
            self.add(1, 2, 3, 4)
            self.gather()
            self.post.be_gone()
            self.add(*range(5, 100))
            self.clock.advance(1_000)
        self.assertSent([1, 2, 3])
        (event,) = events
        self.assertEqual(
            formatEvent(event),
            "--webhook wants no more: the answer is 410. 4 events were not sent, and none will be "
            "until a SIGHUP or a restart",
        )
        self.assertEqual((self.metrics.hook_dropped, self.metrics.hook_failures), (99, 1))
        self.assertQuiet()
        self.successResultOf(self.stop())

    def test_back(self) -> None:
        """Told to, it is sent to again, with how much it has missed."""
        self.add(1)
        self.gather()
        self.post.be_gone()
        self.add(2)
        self.sender.begin_anew()
        self.add(3)
        self.gather()
        self.assertSent([1], [3])
        self.assertEqual(json.loads(self.post.sent[-1][1])["dropped"], 2)
        self.post.answer()
        self.assertQuiet()

    def test_bounded(self) -> None:
        """For a back end that says nothing no more waits than may, and all is counted."""
        self.start(hook_events=10, hook_batch=3)
        with capturedLogs() as events:
            self.add(*range(1_000))
            self.gather()
            self.add(*range(1_000, 2_000))
        self.assertEqual(self.metrics.hook_dropped, 990 + 993 + 4)
        self.assertEqual(len(events), LINES)
        for _ in range(5):
            self.post.answer()
        self.assertSent(
            [990, 991, 992], [1990, 1991, 1992], [1993, 1994, 1995], [1996, 1997, 1998], [1999]
        )
        self.assertEqual(self.metrics.hook_events + self.metrics.hook_dropped, 2_000)
        self.assertQuiet()

    def test_log(self) -> None:
        """What goes wrong is told."""
        with capturedLogs() as events:
            self.add(1)
            self.gather()
            self.post.fail("the answer is 404")
        (event,) = events
        self.assertEqual(
            formatEvent(event), "attempt 1 to send events to --webhook failed: the answer is 404"
        )

    def stop(self) -> "Deferred[None]":
        stopped = Deferred.fromCoroutine(self.sender.stop())
        self.clock.advance(0)
        return stopped

    def test_stop(self) -> None:
        """What waits is sent first, at once."""
        self.add(1, 2, 3, 4)
        stopped = self.stop()
        self.assertSent([1, 2, 3])
        self.post.answer()
        self.add(5)  # a client's last
        self.assertNoResult(stopped)
        self.post.answer()
        self.post.answer()
        self.assertSent([1, 2, 3], [4], [5])
        self.successResultOf(stopped)
        self.add(6)
        self.assertEqual((self.metrics.hook_events, self.metrics.hook_dropped), (5, 1))
        self.assertQuiet()

    def test_stop_with_nothing(self) -> None:
        """One that has nothing to send waits for nothing."""
        self.successResultOf(self.stop())
        self.assertQuiet()

    def test_stop_with_one_on_its_way(self) -> None:
        """A client that was dropped a moment ago is told of in the next turn, and still sent."""
        self.clock.callLater(0, self.add, 1)
        stopped = self.stop()
        self.assertSent([1])
        self.post.answer()
        self.successResultOf(stopped)
        self.assertQuiet()

    def test_stop_in_a_pause(self) -> None:
        """A batch that has failed is sent again at once."""
        self.add(1)
        self.gather()
        self.post.fail()
        stopped = self.stop()
        self.assertSent([1], [1])
        self.post.answer()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertQuiet()

    def test_stop_with_much_to_tell(self) -> None:
        """What the log has left out is told at the end, and no timer is left."""
        self.start(hook_events=1)
        with capturedLogs() as events:
            self.add(*range(LINES + 3))
            stopped = self.stop()
            self.post.answer()
            self.successResultOf(stopped)
        self.assertEqual(formatEvent(events[-1]), "2 more lines like these were left out")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_in_time(self) -> None:
        """A back end that does not answer is waited for as long as there is time."""
        self.add(1, 2, 3, 4)
        self.gather()
        stopped = self.stop()
        self.clock.advance(self.limits.stop_wait - 0.01)
        self.assertNoResult(stopped)
        self.clock.advance(0.01)
        self.successResultOf(stopped)
        self.assertEqual(self.post.cancelled, 1)
        self.assertEqual(self.metrics.hook_dropped, 4)
        self.assertQuiet()

    def test_stop_in_time_in_a_pause(self) -> None:
        """The same for one that fails at each attempt."""
        self.start(hook_attempts=100)
        self.add(1, 2, 3, 4)
        self.gather()
        stopped = self.stop()
        for _ in range(round(self.limits.stop_wait * 100) + 1):
            if self.post.waiting:
                self.post.fail()
            self.clock.advance(0.01)
        self.successResultOf(stopped)
        self.assertEqual(self.metrics.hook_dropped, 4)
        self.assertQuiet()

    def test_a_defect(self) -> None:
        """What nobody foresaw is logged, and ends nothing."""
        self.sender._draw = lambda: 1 / 0  # type: ignore[assignment, return-value]
        self.add(1)
        self.gather()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.sender._draw = lambda: "msg"
        self.add(2)
        self.gather()
        self.assertSent([2])
        self.post.answer()
        self.assertQuiet()
