"""Ends that come and go, and the ids that workers claim."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.internet.defer import Deferred

from tests.channel.cluster import forget
from tests.channel.contract.case import Boom, ContractCase
from tpush.errors import ChannelClosed
from tpush.message import Job, Message, WorkerID


class Lifetime(ContractCase):
    """Ends that come and go, and the ids that workers claim."""

    def test_flush(self) -> None:
        """A flush fires when subscriptions are in effect and publishes were acknowledged."""
        a, b = self.make(), self.made()
        got: list[Message] = []
        a.subscribe("x", got.append)
        a.publish("x", "1")
        flushed = a.flush()
        self.assertNoResult(flushed)
        while not flushed.called:
            self.clock.advance(0.001)
        self.successResultOf(flushed)
        self.assertEqual(len(got), 1)
        b.publish("x", "2")
        self.settle()
        self.assertEqual(len(got), 2)
        self.assertTrue(a.connected)

    def test_asked_for_before_it_connects(self) -> None:
        """What is asked for before a channel connects happens when it does."""
        a = self.make()
        got: list[Message] = []
        did: list[Job] = []
        a.subscribe("x", got.append)
        a.watch("q", did.append)
        a.publish("x", "1")
        forget(a.enqueue("q", "2"))
        self.settle()
        self.assertEqual((len(got), len(did)), (1, 1))

    def test_close(self) -> None:
        """Closing sends what is held first; then nothing more is taken, and nothing arrives."""
        a, got_a = self.listener("x")
        _b, got_b = self.listener("x")
        a.publish("x", "1")
        added = a.enqueue("q", "2")
        closed = a.close()
        self.assertIs(a.close(), closed)
        for refused in (
            lambda: a.publish("x", "3"),
            lambda: a.publish_one("x", "3"),
            lambda: a.enqueue("q", "3"),
            a.flush,
        ):
            self.assertRaises(ChannelClosed, refused)
        self.settle(1)
        self.successResultOf(closed)
        self.successResultOf(added)
        self.assertGot(got_b, "1")
        got_a.clear()
        _b.publish("x", "4")
        self.assertGot(got_a)
        self.assertGot(got_b, "4")

    def test_close_at_once(self) -> None:
        """A channel that never connected can be closed, and leaves nothing on the clock."""
        before = len(self.clock.getDelayedCalls())
        closed = self.make().close()
        self.settle()
        self.successResultOf(closed)
        self.assertEqual(len(self.clock.getDelayedCalls()), before)

    def test_close_from_a_callback(self) -> None:
        """A callback may close its channel; no further callback is called."""
        a, b = self.made(), self.made()
        got: list[Message] = []

        def last(message: Message) -> None:
            got.append(message)
            forget(a.close())

        a.subscribe("x", last)
        self.settle()
        b.publish("x", "1")
        self.settle(1)
        b.publish("x", "2")
        self.assertGot(got, "1")

    def test_close_amid_messages(self) -> None:
        """What came together with the last that a closing program had goes to another, and once."""
        a, b = self.made(), self.made()
        got_b: list[Message] = []

        def last(message: Message) -> None:
            got_b.append(message)
            forget(b.close())

        b.subscribe("work", last)
        self.settle()
        _c, got_c = self.listener("work")
        for number in range(6):
            a.publish_one("work", str(number))
        self.settle(8)
        self.assertEqual(len(got_b), 1)
        self.assertEqual(
            sorted(message.data for message in got_b + got_c), [b"%d" % n for n in range(6)]
        )

    def test_close_amid_jobs(self) -> None:
        """The same of jobs."""
        a, b = self.made(), self.made()
        did_b: list[Job] = []

        def last(job: Job) -> None:
            did_b.append(job)
            forget(b.close())

        b.watch("q", last, ask=True)
        for _ in range(3):
            b.reserve()
        self.settle()
        for number in range(3):
            forget(a.enqueue("q", str(number)))
        self.settle(8)
        self.assertEqual(len(did_b), 1)
        _c, did_c = self.watcher("q")
        self.settle(70)
        self.assertEqual({job.data for job in did_c} | {b"0"}, {b"0", b"1", b"2"})

    def test_nothing_left(self) -> None:
        """When all are closed nothing is left on the clock."""
        a, _ = self.listener("x")
        b, _ = self.watcher("q")
        a.publish("x", "1")
        forget(a.enqueue("q", "2"))
        self.settle()
        closed = [a.close(), b.close()]
        self.settle(5)
        for each in closed:
            self.successResultOf(each)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_job_ends_after_close(self) -> None:
        """A job that ends after its channel was closed brings nothing back to life."""
        a, b = self.made(), self.made()
        running: Deferred[None] = Deferred()
        b.watch("q", lambda job: running)
        forget(a.enqueue("q", "1"))
        self.settle()
        for each in (a, b):
            forget(each.close())
        self.settle(5)
        running.callback(None)
        self.settle()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNobodyAttached()

    def test_asked_for_after_close(self) -> None:
        """What a program takes back after it closed brings nothing back to life."""
        a, _ = self.listener("x")
        a.watch("q", lambda job: None, ask=True)
        self.settle()
        forget(a.close())
        self.settle(5)
        a.unsubscribe("x")
        a.unwatch("q")
        self.settle()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNobodyAttached()

    def assertNobodyAttached(self) -> None:
        """Check that the broker knows nobody."""
        raise NotImplementedError

    def test_claim(self) -> None:
        """A worker whose id is taken is told so, draws again, and works."""
        a = self.make()
        told: list[str] = []

        def draw_again() -> None:
            told.append("b")
            b.claim(WorkerID(8), lambda: told.append("b again"))

        a.claim(WorkerID(7), lambda: told.append("a"))
        self.settle()
        b = self.make()
        b.claim(WorkerID(7), draw_again)
        got: list[Message] = []
        b.subscribe("x", got.append)
        self.settle(5)
        self.assertEqual(set(told), {"b"})
        a.publish("x", "1")
        self.assertGot(got, "1")

    def test_taken_while_closing(self) -> None:
        """A worker that is closing, and whose id is taken, is not asked to draw another."""
        a = self.make()
        a.claim(WorkerID(7), lambda: None)
        self.settle()
        b = self.make()
        told: list[None] = []
        b.claim(WorkerID(7), lambda: told.append(None))
        b.publish("x", "1")
        closed = b.close()
        self.settle(5)
        self.successResultOf(closed)
        self.assertEqual(told, [])

    def test_claim_after_one_closed(self) -> None:
        """The id of a worker that closed is free."""
        a = self.make()
        a.claim(WorkerID(7), lambda: None)
        self.settle()
        forget(a.close())
        self.settle(1)
        told: list[None] = []
        b = self.make()
        b.claim(WorkerID(7), lambda: told.append(None))
        self.settle(5)
        self.assertEqual((told, b.connected), ([], True))

    def test_taken_callback_raises(self) -> None:
        """A worker whose callback raises is logged, and may still draw another id."""
        a = self.make()
        a.claim(WorkerID(7), lambda: None)
        self.settle()
        b = self.make()

        def broken() -> None:
            b.claim(WorkerID(8), lambda: None)
            raise Boom

        b.claim(WorkerID(7), broken)
        got: list[Message] = []
        b.subscribe("x", got.append)
        self.settle(5)
        a.publish("x", "1")
        self.assertGot(got, "1")
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_claim_while_connected(self) -> None:
        """A worker id that is claimed when the channel is connected already is claimed too."""
        a, b = self.made(), self.made()
        told: list[str] = []
        a.claim(WorkerID(7), lambda: told.append("a"))
        self.settle(5)
        b.claim(WorkerID(7), lambda: told.append("b"))
        self.settle(5)
        self.assertEqual(set(told), {"b"})
