"""Who does which job, and what becomes of a job that failed."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tests.channel.test_queues_machine import QueuesMachine
from tpush.channel.queues import QueuedJob, Queues
from tpush.errors import QueueFull

Given = tuple[str, QueuedJob, bool]


class QueuesTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.queues: Queues[str] = Queues(attempts=3, backoff=1, backoff_most=60)

    def enqueue(self, queue: str, *data: str) -> None:
        for each in data:
            self.queues.enqueue(queue, each.encode())

    def give(self) -> list[Given]:
        return list(self.queues.assign())

    def assertGiven(self, *expected: tuple[str, str]) -> list[Given]:
        given = self.give()
        self.assertEqual([(who, job.data.decode()) for who, job, _ in given], list(expected))
        return given

    def assertEmpty(self) -> None:
        queues = self.queues
        self.assertEqual((len(queues), queues.names, queues.due()), (0, [], None))
        self.assertEqual((queues._given, queues._reserved), ({}, {}))

    def finish(self, given: Given, *, ok: bool = True, now: float = 0) -> None:
        self.queues.finish(given[0], given[1].id, ok=ok, now=now)

    def test_one_at_a_time(self) -> None:
        """A watcher is given the next job of a queue when it has finished the one before."""
        self.enqueue("q", "1", "2")
        self.queues.watch("a", "q", ask=False)
        (first,) = self.assertGiven(("a", "1"))
        self.assertEqual((first[1].attempt, first[2]), (1, False))
        self.assertGiven()
        self.finish(first)
        (second,) = self.assertGiven(("a", "2"))
        self.finish(second)
        self.queues.unwatch("a", "q")
        self.assertEmpty()

    def test_one_at_a_time_of_each_queue(self) -> None:
        """One that watches two queues is given a job of each."""
        self.enqueue("p", "1", "2")
        self.enqueue("q", "3")
        self.queues.watch("a", "p", ask=False)
        self.queues.watch("a", "q", ask=False)
        self.assertGiven(("a", "1"), ("a", "3"))

    def test_job_waits_for_watcher(self) -> None:
        """A job waits until somebody watches its queue."""
        self.enqueue("q", "1")
        self.assertGiven()
        self.assertEqual((len(self.queues), self.queues.names), (1, ["q"]))
        self.queues.watch("a", "q", ask=False)
        self.assertGiven(("a", "1"))

    def test_watchers_take_turns(self) -> None:
        """Ready watchers of a queue take turns."""
        for who in "abc":
            self.queues.watch(who, "q", ask=False)
        self.enqueue("q", "1")
        (given,) = self.assertGiven(("a", "1"))
        self.finish(given)
        self.enqueue("q", "2", "3", "4", "5")
        self.assertGiven(("b", "2"), ("c", "3"), ("a", "4"))
        self.assertEqual(len(self.queues), 4)

    def test_none_unasked(self) -> None:
        """One that asks is given no job before it has reserved one."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=True)
        self.assertGiven()
        self.queues.reserve("a")
        ((_, _, asked),) = self.assertGiven(("a", "1"))
        self.assertTrue(asked)

    def test_as_many_as_reserved(self) -> None:
        """One that asks is given as many as it reserved, over all its queues, finished or not."""
        self.enqueue("p", "1", "2")
        self.enqueue("q", "3", "4")
        self.queues.watch("a", "p", ask=True)
        self.queues.watch("a", "q", ask=True)
        self.queues.reserve("a", 3)
        self.assertEqual(len(self.give()), 3)
        self.assertEqual(self.queues._reserved, {})

    def test_reserved_before_watch(self) -> None:
        """What was reserved before there was a watch counts."""
        self.queues.reserve("a")
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=True)
        self.assertGiven(("a", "1"))

    def test_reserved_is_not_for_unasked(self) -> None:
        """A watch that does not ask takes nothing of what was reserved."""
        self.queues.reserve("a")
        self.queues.watch("a", "q", ask=False)
        self.enqueue("q", "1", "2")
        self.assertGiven(("a", "1"))
        self.assertEqual(self.queues._reserved, {"a": 1})

    def test_set_reserved(self) -> None:
        """The number of reserved jobs can be set; none or less is none."""
        self.queues.watch("a", "q", ask=True)
        self.queues.reserve("a", 5)
        self.queues.set_reserved("a", -1)
        self.enqueue("q", "1", "2", "3")
        self.assertGiven()
        self.queues.set_reserved("a", 2)
        self.assertEqual(len(self.give()), 2)

    def test_watch_again_with_ask(self) -> None:
        """A watch can change whether it asks, while a job is being done too."""
        self.enqueue("q", "1", "2", "3")
        self.queues.watch("a", "q", ask=False)
        (first,) = self.assertGiven(("a", "1"))
        self.queues.watch("a", "q", ask=True)
        self.queues.reserve("a")
        self.assertGiven(("a", "2"))
        self.finish(first)
        self.assertGiven()
        self.queues.watch("a", "q", ask=False)
        self.assertGiven(("a", "3"))

    def test_unwatch_while_busy(self) -> None:
        """One that watches anew while it does a job waits until that is finished."""
        self.enqueue("q", "1", "2")
        self.queues.watch("a", "q", ask=False)
        (first,) = self.assertGiven(("a", "1"))
        self.queues.unwatch("a", "q")
        self.queues.watch("a", "q", ask=False)
        self.assertGiven()
        self.finish(first)
        self.assertGiven(("a", "2"))

    def test_unwatch_then_finish(self) -> None:
        """A job that was given can be finished after its watch is gone, and no trace is left."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=False)
        (first,) = self.assertGiven(("a", "1"))
        self.queues.unwatch("a", "q")
        self.queues.unwatch("a", "other")
        self.finish(first)
        self.assertEmpty()

    def test_watched(self) -> None:
        """The queues that one watches are listed in order."""
        for queue in ("q", "p"):
            self.queues.watch("a", queue, ask=False)
        self.queues.watch("b", "r", ask=False)
        self.assertEqual(self.queues.watched("a"), ["p", "q"])

    def test_failed_job_rests(self) -> None:
        """A failed job is handed out again when its back-off is over, and counts attempts."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=False)
        (given,) = self.give()
        self.finish(given, ok=False, now=10)
        self.assertEqual((len(self.queues), self.queues.due()), (1, 11))
        self.queues.wake(10.9)
        self.assertGiven()
        self.queues.wake(11)
        (given,) = self.assertGiven(("a", "1"))
        self.assertEqual((given[1].attempt, self.queues.due()), (2, None))

    def test_backoff_doubles(self) -> None:
        """The back-off doubles at each attempt, up to its bound."""
        queues: Queues[str] = Queues(attempts=6, backoff=1, backoff_most=5)
        queues.enqueue("q", b"")
        queues.watch("a", "q", ask=False)
        now, waits = 0.0, []
        for _ in range(5):
            ((_, job, _),) = queues.assign()
            queues.finish("a", job.id, ok=False, now=now)
            due = queues.due()
            assert due is not None
            waits.append(due - now)
            now = due
            queues.wake(now)
        self.assertEqual(waits, [1, 2, 4, 5, 5])

    def test_comes_back_to_the_head(self) -> None:
        """A job that comes back is handed out before those that waited behind it."""
        self.enqueue("q", "1", "2", "3")
        self.queues.watch("a", "q", ask=False)
        (first,) = self.give()
        self.finish(first, ok=False)
        (second,) = self.assertGiven(("a", "2"))
        self.queues.wake(1)
        self.finish(second)
        self.assertGiven(("a", "1"))

    def test_after_the_last_attempt(self) -> None:
        """After its last attempt a job waits in the queue of failed jobs, as a new one."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=False)
        for now in (0, 10, 20):
            self.queues.wake(now)
            (given,) = self.give()
            self.finish(given, ok=False, now=now)
        self.assertEqual((self.queues.names, self.queues.due()), (["q", "q/failed"], None))
        self.queues.watch("b", "q/failed", ask=False)
        ((who, job, _),) = self.give()
        self.assertEqual((who, job.data, job.attempt, job.queue), ("b", b"1", 1, "q/failed"))

    def test_failed_has_no_failed(self) -> None:
        """A job that fails in a queue of failed jobs comes back without end, seldom enough."""
        self.enqueue("q/failed", "1")
        self.queues.watch("a", "q/failed", ask=False)
        now = 0.0
        for attempt in range(1, 50):
            (given,) = self.give()
            self.assertEqual(given[1].attempt, attempt)
            self.finish(given, ok=False, now=now)
            due = self.queues.due()
            assert due is not None and due - now <= 60
            now = due
            self.queues.wake(now)

    def test_outcome_of_another(self) -> None:
        """The outcome of a job counts from the one who was given it, once."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=False)
        (given,) = self.give()
        self.queues.finish("b", given[1].id, ok=True, now=0)
        self.queues.finish("a", 10**9, ok=True, now=0)
        self.assertEqual(len(self.queues), 1)
        self.finish(given)
        self.finish(given, ok=False)
        self.assertEqual(len(self.queues), 0)

    def test_leave(self) -> None:
        """The jobs of one that leaves are done by others after a back-off, oldest first."""
        self.enqueue("q", "1", "2", "3")
        self.queues.watch("a", "q", ask=True)
        self.queues.reserve("a", 2)
        self.assertGiven(("a", "1"), ("a", "2"))
        self.queues.leave("a", now=0)
        self.queues.watch("b", "q", ask=True)
        self.queues.reserve("b", 9)
        self.assertGiven(("b", "3"))
        self.queues.wake(1)
        self.assertGiven(("b", "1"), ("b", "2"))

    def test_leave_busy(self) -> None:
        """One that left with an unasked job leaves no trace once that job is done."""
        self.enqueue("q", "1")
        self.queues.watch("a", "q", ask=False)
        self.give()
        self.queues.leave("a", now=0)
        self.queues.leave("nobody", now=0)
        self.assertEqual((self.queues.names, len(self.queues)), ([], 1))
        self.queues.watch("b", "q", ask=False)
        self.queues.wake(1)
        (given,) = self.assertGiven(("b", "1"))
        self.finish(given)
        self.queues.leave("b", now=1)
        self.assertEmpty()

    def test_order_of_failed_jobs_of_one_that_left(self) -> None:
        """Jobs that fail for the last time together wait as failed jobs in their order."""
        queues: Queues[str] = Queues(attempts=1)
        for data in (b"1", b"2", b"3"):
            queues.enqueue("q", data)
        queues.watch("a", "q", ask=True)
        queues.reserve("a", 3)
        list(queues.assign())
        queues.leave("a", now=0)
        queues.watch("b", "q/failed", ask=True)
        queues.reserve("b", 3)
        self.assertEqual([job.data for _, job, _ in queues.assign()], [b"1", b"2", b"3"])

    def test_woken_together_oldest_first(self) -> None:
        """Jobs whose back-offs ended before the same look are handed out oldest first."""
        self.enqueue("q", "1", "2")
        self.queues.watch("a", "q", ask=True)
        self.queues.reserve("a", 2)
        first, second = self.give()
        self.finish(first, ok=False, now=0)
        self.finish(second, ok=False, now=0.001)
        self.queues.wake(2)
        self.queues.reserve("a", 2)
        self.assertGiven(("a", "1"), ("a", "2"))

    def test_asked_queues_take_turns(self) -> None:
        """One that asks for one job at a time of two full queues gets jobs of both."""
        self.enqueue("p", *"123456")
        self.enqueue("q", *"abcdef")
        self.queues.watch("x", "p", ask=True)
        self.queues.watch("x", "q", ask=True)
        got = set()
        for _ in range(4):
            self.queues.reserve("x")
            ((_, job, _),) = self.give()
            self.queues.finish("x", job.id, ok=True, now=0)
            got.add(job.queue)
        self.assertEqual(got, {"p", "q"})

    def test_full(self) -> None:
        """A queue takes no more jobs or bytes than it may; what comes back and what failed does."""
        queues: Queues[str] = Queues(attempts=1, most_jobs=2, most_bytes=10)
        queues.enqueue("q", b"1")
        self.assertRaises(QueueFull, queues.enqueue, "q", b"2" * 10)
        queues.enqueue("q", b"2")
        self.assertRaises(QueueFull, queues.enqueue, "q", b"")
        queues.enqueue("p", b"3" * 10)
        queues.watch("a", "q", ask=False)
        [(_, job, _)] = queues.assign()
        queues.enqueue("q", b"4" * 9)
        for failed in range(3):
            queues.finish("a", job.id, ok=False, now=0)
            [(_, job, _)] = queues.assign()
            if failed < 1:
                queues.enqueue("q", b"")
        self.assertEqual(len(queues), 5)
        queues.watch("b", "q/failed", ask=True)
        queues.reserve("b", 9)
        self.assertEqual([job.data for _, job, _ in queues.assign()], [b"1", b"2", b"4" * 9])

    def test_too_many_queues(self) -> None:
        """A job begins no queue past the bound; those that are there, and watches, go on."""
        queues: Queues[str] = Queues(attempts=1, most_queues=2)
        queues.enqueue("p", b"1")
        queues.watch("a", "q", ask=False)
        self.assertRaises(QueueFull, queues.enqueue, "r", b"2")
        queues.enqueue("q", b"2")
        queues.watch("a", "r", ask=False)
        queues.enqueue("r", b"3")
        queues.unwatch("a", "p")  # which it never watched
        for _, job, _ in list(queues.assign()):
            queues.finish("a", job.id, ok=job.data == b"2", now=0)
        self.assertEqual(queues.names, ["p", "q", "r", "r/failed"])
        queues.leave("a", 0)
        self.assertEqual(queues.names, ["p", "r/failed"])

    def test_first_id(self) -> None:
        """Ids of jobs count up from where they were told to."""
        queues: Queues[str] = Queues(first=1000)
        queues.watch("a", "q", ask=True)
        queues.reserve("a", 2)
        queues.enqueue("q", b"")
        queues.enqueue("q", b"")
        self.assertEqual([job.id for _, job, _ in queues.assign()], [1000, 1001])

    def test_any_run(self) -> None:
        """No job is lost or given to two at once, whatever consumers do."""
        run_machine(QueuesMachine, examples=60, steps=60)
