"""A back end that is asked, on a clock."""

from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.hooks.post import FakePost
from tpush.errors import HookFailed
from tpush.hooks.answer import Answer
from tpush.hooks.asking import ConnectHook
from tpush.limits import Limits


class ConnectHookTests(SynchronousTestCase):
    """An answer in time, or none."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.post = FakePost()
        limits = replace(Limits(), connect_hook_wait=2, connect_hook_requests=2)
        self.hook = ConnectHook(self.post, self.clock, limits, lambda: "msg_1")

    def ask(self) -> Deferred[Answer]:
        return Deferred.fromCoroutine(self.hook.ask(b"{}"))

    def assertFails(self, asked: Deferred[Any], text: str) -> None:  # noqa: N802
        self.assertIn(text, str(self.failureResultOf(asked, HookFailed).value))

    def test_answer(self) -> None:
        """An answer is read."""
        asked = self.ask()
        self.post.answer(b'{"user":"ann"}')
        self.assertEqual(self.successResultOf(asked), Answer(user="ann"))
        asked = self.ask()
        self.post.answer(b"hello")
        self.assertFails(asked, "no JSON")
        asked = self.ask()
        self.post.fail("the answer is 500")
        self.assertFails(asked, "500")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_turns(self) -> None:
        """So many are asked at once; others wait for their turn, in the time that they have."""
        asked = [self.ask() for _ in range(4)]
        self.assertEqual(len(self.post.sent), 2)
        self.post.answer()
        self.assertEqual(len(self.post.sent), 3)
        self.clock.advance(2)
        self.assertEqual(self.successResultOf(asked[0]), Answer())
        for each in asked[1:]:
            self.assertFails(each, "no answer within 2 s")
        self.assertEqual((len(self.post.sent), self.post.waiting), (4, []))
        again = [self.ask(), self.ask()]  # every turn was given back
        for each in again:
            self.post.answer()
            self.successResultOf(each)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """Of one who is gone no more is asked, and the turn is another's."""
        first, second, third, fourth = (self.ask() for _ in range(4))
        first.cancel()
        third.cancel()
        for each in (first, third):
            self.failureResultOf(each, CancelledError)
        self.assertEqual((len(self.post.sent), self.post.cancelled), (4, 2))
        for each in (second, fourth):
            self.post.answer()
            self.successResultOf(each)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_connection_that_had_ended(self) -> None:
        """Where a connection was kept too long another one is tried, once."""
        asked = self.ask()
        self.post.fail("ConnectionLost", unanswered=True)
        self.post.answer()
        self.assertEqual(self.successResultOf(asked), Answer())
        asked = self.ask()
        for _ in range(2):
            self.post.fail("ConnectionLost", unanswered=True)
        self.assertFails(asked, "ConnectionLost")
        self.assertEqual(len(self.post.sent), 4)
