"""Each job is done by one, and is done."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed

from tests.channel.cluster import forget
from tests.channel.contract.case import LIMITS, Boom, ContractCase
from tpush.errors import (
    QueueFull,
    TooManySubscriptions,
)
from tpush.message import Job


class Jobs(ContractCase):
    """Each job is done by one, and is done."""

    def test_jobs(self) -> None:
        """Jobs are done in order, one at a time, and the one who added them is told."""
        a = self.made()
        b = self.made()
        running: list[Deferred[None]] = []
        did: list[bytes] = []

        def work(job: Job) -> Deferred[None]:
            self.assertEqual((job.queue, job.attempt), ("q", 1))
            did.append(job.data)
            running.append(Deferred())
            return running[-1]

        b.watch("q", work)
        added = [a.enqueue("q", data) for data in ("1", b"\xff", "3")]
        self.settle()
        for each in added:
            self.successResultOf(each)
        for at in range(3):
            self.assertEqual((len(running), did), (at + 1, [b"1", b"\xff", b"3"][: at + 1]))
            running[at].callback(None)
            self.settle()
        self.assertEqual(len(running), 3)

    def test_jobs_wait(self) -> None:
        """A job waits until somebody watches its queue."""
        a = self.made()
        added = a.enqueue("q", "1")
        self.settle()
        self.successResultOf(added)
        _b, did = self.watcher("q")
        self.assertEqual([job.data for job in did], [b"1"])

    def test_watchers_share(self) -> None:
        """Each job is done by one of those that watch."""
        a = self.made()
        dids = [self.watcher("q")[1] for _ in range(2)]
        for number in range(10):
            forget(a.enqueue("q", str(number)))
        self.settle()
        done = sorted(job.data for did in dids for job in did)
        self.assertEqual(done, [b"%d" % number for number in range(10)])
        self.assertTrue(all(dids))

    def test_unwatch(self) -> None:
        """After unwatching it takes no more jobs; one that it has is still finished."""
        a, b = self.made(), self.made()
        running: Deferred[None] = Deferred()
        got: list[Job] = []

        def work(job: Job) -> Deferred[None]:
            got.append(job)
            return running

        b.watch("q", work)
        forget(a.enqueue("q", "1"))
        forget(a.enqueue("q", "2"))
        self.settle()
        b.unwatch("q")
        b.unwatch("never")
        self.settle()
        running.callback(None)
        self.settle(5)
        self.assertEqual(len(got), 1)
        _c, did = self.watcher("q")
        self.assertEqual([(job.data, job.attempt) for job in did], [(b"2", 1)])

    def test_ask(self) -> None:
        """One that asks is given as many jobs as it reserved, of any of its queues."""
        a = self.made()
        b, did = self.watcher("q", ask=True)
        b.watch("p", did.append, ask=True)
        for number in range(4):
            forget(a.enqueue("pq"[number % 2], str(number)))
        self.settle()
        self.assertEqual(len(did), 0)
        b.reserve()
        self.settle()
        self.assertEqual(len(did), 1)
        b.reserve()
        b.reserve()
        self.settle()
        self.assertEqual(len(did), 3)

    def test_reserve_first(self) -> None:
        """What was reserved before the first watch, or before there was a job, counts."""
        a, b = self.made(), self.make()
        did: list[Job] = []
        b.reserve()
        b.watch("q", did.append, ask=True)
        self.settle()
        forget(a.enqueue("q", "1"))
        forget(a.enqueue("q", "2"))
        self.settle()
        self.assertEqual([job.data for job in did], [b"1"])

    def test_watch_replaced(self) -> None:
        """A later watch replaces the callback, and whether jobs are asked for."""
        a = self.made()
        b, did = self.watcher("q", ask=True)
        later: list[Job] = []
        b.watch("q", later.append)
        forget(a.enqueue("q", "1"))
        self.settle()
        self.assertEqual((len(did), len(later)), (0, 1))

    def test_failed_job(self) -> None:
        """A job that fails comes back after a back-off, as a further attempt, and is logged."""
        a = self.made()
        attempts: list[tuple[float, int]] = []

        def work(job: Job) -> Any:
            attempts.append((self.clock.seconds(), job.attempt))
            if job.attempt == 1:
                raise Boom
            return fail(Boom()) if job.attempt == 2 else succeed(None)

        a.watch("q", work)
        forget(a.enqueue("q", "1"))
        self.settle(10)
        self.assertEqual([attempt for _, attempt in attempts], [1, 2, 3])
        times = [time for time, _ in attempts]
        self.assertApproximates(times[1] - times[0], LIMITS.job_backoff, 0.1)
        self.assertApproximates(times[2] - times[1], 2 * LIMITS.job_backoff, 0.1)
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 2)

    def test_failed_for_good(self) -> None:
        """After its last attempt a job waits in the queue of failed jobs."""
        a = self.made()
        attempts = []

        async def work(job: Job) -> None:
            attempts.append(job.attempt)
            raise Boom

        a.watch("q", work)
        forget(a.enqueue("q", "1"))
        self.settle(100)
        self.assertEqual(attempts, [1, 2, 3, 4, 5])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 5)
        _b, did = self.watcher("q/failed")
        self.assertEqual(did, [Job("q/failed", b"1", 1)])

    def test_watcher_closes(self) -> None:
        """The job of a program that closes is done by another, as a further attempt."""
        a, b = self.made(), self.made()
        b.watch("q", lambda job: Deferred())
        forget(a.enqueue("q", "1"))
        self.settle()
        forget(b.close())
        _c, did = self.watcher("q")
        self.settle(5)
        self.assertEqual([job.attempt for job in did], [2])

    def test_given_up_waiting(self) -> None:
        """One that no longer waits for its job to be added harms nothing."""
        a = self.made()
        added = a.enqueue("q", "1")
        added.cancel()
        self.failureResultOf(added, CancelledError)
        flushed = a.flush()
        self.settle()
        self.successResultOf(flushed)

    def test_too_many_queues(self) -> None:
        """Who would begin one queue too many is told so."""
        a = self.made()
        jobs = [a.enqueue(f"q{number}", "x") for number in range(LIMITS.queues + 1)]
        self.settle()
        self.failureResultOf(jobs.pop(), QueueFull)
        for job in jobs:
            self.successResultOf(job)

    def test_too_many_watches(self) -> None:
        """A program watches as many queues as it may; what it has stays."""
        a, did = self.watcher("q0")
        for number in range(1, LIMITS.subscriptions):
            a.watch(f"q{number}", did.append)
        self.assertRaises(TooManySubscriptions, a.watch, "more", did.append)
        a.watch("q1", did.append)
        a.unwatch("q0")
        a.watch("more", did.append)
        self.settle()
        for queue in ("more", "q1"):
            forget(a.enqueue(queue, queue))
        self.settle()
        self.assertEqual([job.queue for job in did], ["more", "q1"])
