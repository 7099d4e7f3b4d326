"""What the broker holds until workers are back, and the jobs that it gives."""

from dataclasses import replace

from typing_extensions import override

from tests.channel.program import LIMITS, BrokerCase, Program
from tpush.channel.broker import Broker
from tpush.channel.items import Enqueue, Finish
from tpush.message import FAILED


class SettleTests(BrokerCase):
    @override
    def setUp(self) -> None:
        super().setUp()
        self.broker = Broker(b"i" * 16, LIMITS, 0, settle=2)

    def test_holds(self) -> None:
        """A channel that has just started holds what is published until workers are back."""
        a = self.program("a")
        a.publish("news", "1")
        a.send(0)
        self.assertEqual(self.broker.due(), 2)
        b = self.program("b", "news")
        self.tick(1.9)
        a.publish("news", "2")
        a.send(1.9)
        self.turns(a, b)
        self.assertEqual((b.messages, len(a.outbox)), ([], 2))
        self.tick(0.1)
        self.turns(b, a)
        self.assertEqual((b.messages, len(a.outbox)), ([b"1", b"2"], 0))

    def test_late_tick(self) -> None:
        """What comes after the settle time does not overtake what is still held."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.send(0)
        a.publish("news", "2")
        a.send(2.5)
        self.broker.tick(2.5)
        self.turns(b, a)
        self.assertEqual(b.messages, [b"1", b"2"])

    def test_publisher_left(self) -> None:
        """What is held of a publisher that left still arrives."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.send(0)
        self.broker.leave(a.attached, 0)
        self.tick(2)
        b.turn(2)
        self.assertEqual(b.messages, [b"1"])


class JobTests(BrokerCase):
    def enqueue(self, program: Program, *jobs: str) -> None:
        for job in jobs:
            program.outbox.append(Enqueue("q", job.encode()))
        program.send(self.now)

    def finish(self, program: Program, *, ok: bool = True) -> None:
        program.outbox.append(Finish(program.fresh.pop(0).job, ok))
        program.turn(self.now)

    def test_job(self) -> None:
        """A job goes to a watcher; the next when that is finished."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.enqueue(a, "1", "2")
        self.turns(a, b)
        self.assertEqual(([job.data for job in b.jobs], len(a.outbox)), ([b"1"], 0))
        self.finish(b)
        self.turns(b)
        self.assertEqual([job.data for job in b.jobs], [b"1", b"2"])

    def test_batch(self) -> None:
        """What is sent at once is bounded in bytes, of jobs too."""
        a, b = self.program("a"), self.program("b")
        b.watch("q", ask=True)
        self.broker.reserve(b.attached, 2)
        self.enqueue(a, "x" * 1_000, "x" * 1_000)
        self.assertEqual(len(b.attached.outbox), 2)
        self.assertEqual(len(b.attached.outbox.take(9, 900)), 1)

    def test_comes_back(self) -> None:
        """A watcher that comes back in time is given its job once, and may finish it."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.enqueue(a, "1")
        b.take()
        b.lose(0)
        b.attach(self.broker)
        b.turn(0)
        self.assertEqual(len(b.jobs), 1)
        self.finish(b)
        self.assertEqual(len(self.broker._queues), 0)

    def test_reserved_with_a_job_on_the_way(self) -> None:
        """Jobs that are on the way count as reserved for one that came back."""
        a, b = self.program("a"), self.program("b")
        b.watch("q", ask=True)
        self.broker.reserve(b.attached, 2)
        self.broker.reserve(b.attached, 0)
        self.enqueue(a, "1")
        b.lose(0)
        session = self.broker.attach(b.peer, b.known, 0)
        self.broker.restore(session, [], ["q"], 2)
        self.enqueue(a, "2", "3")
        self.assertEqual(len(session.outbox), 2)

    def test_reserved_again(self) -> None:
        """One that came back and asks for a job is given one that waits."""
        a, b = self.program("a"), self.program("b")
        b.watch("q", ask=True)
        self.enqueue(a, "1")
        b.lose(0)
        session = self.broker.attach(b.peer, b.known, 0)
        self.broker.restore(session, [], ["q"], 1)
        self.assertEqual(len(session.outbox), 1)

    def test_watcher_left(self) -> None:
        """The job of a watcher that left goes to another, as its next attempt."""
        a, b, c = self.program("a"), self.program("b"), self.program("c")
        b.watch("q")
        self.enqueue(a, "1")
        b.turn(0)
        self.broker.leave(b.attached, 0)
        c.watch("q")
        self.assertEqual(self.broker.due(), 1)
        self.tick(1)
        c.turn(1)
        self.assertEqual([(job.data, job.attempt) for job in c.jobs], [(b"1", 2)])

    def test_last_watcher_left(self) -> None:
        """A job whose last attempt was with one that left goes at once where failed ones go."""
        self.broker = Broker(b"i" * 16, replace(LIMITS, job_attempts=1), 0, settle=0)
        a, b, c = self.program("a"), self.program("b"), self.program("c")
        b.watch("q")
        c.watch("q" + FAILED)
        self.enqueue(a, "1")
        self.broker.leave(b.attached, 0)
        c.turn(0)
        self.assertEqual([job.data for job in c.jobs], [b"1"])

    def test_of_another_broker(self) -> None:
        """A job of the broker before does not pass for one of this."""
        brokers = self.broker, Broker(b"j" * 16, LIMITS, 0, settle=0)
        jobs = []
        for self.broker in brokers:
            a, b = self.program("a"), self.program("b")
            b.watch("q")
            self.enqueue(a, "1")
            b.take()
            jobs.append(b.jobs[0].job)
        self.assertNotEqual(*jobs)

    def test_unasked_on_the_way(self) -> None:
        """A job that came unasked is none of those that were asked for."""
        a, b = self.program("a"), self.program("b")
        b.watch("p")
        b.watch("q", ask=True)
        a.outbox.append(Enqueue("p", b"1"))
        self.enqueue(a, "2")
        b.lose(0)
        session = self.broker.attach(b.peer, b.known, 0)
        self.broker.restore(session, [], ["p", "q"], 1)
        self.assertEqual(len(session.outbox), 2)

    def test_lost_watcher_is_given_jobs(self) -> None:
        """A job goes to a watcher that is there rather than to one whose link was lost."""
        a, b, c = self.program("a"), self.program("b"), self.program("c")
        b.watch("q")
        c.watch("q")
        b.lose(0)
        self.enqueue(a, "1")
        c.turn(0)
        self.assertEqual([job.data for job in c.jobs], [b"1"])

    def test_unwatch(self) -> None:
        """One that watches no more is given no more."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.broker.unwatch(b.attached, ["q"])
        self.enqueue(a, "1")
        b.turn(0)
        self.assertEqual(b.jobs, [])
