"""What every channel owes its programs, whatever carries it."""

# ruff: noqa: N802 - assertions are named as trial's own

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import deferLater

from tests.channel.cluster import forget
from tests.channel.pipes import EventClock
from tpush.errors import (
    ChannelClosed,
    InvalidName,
    InvalidText,
    OutboxFull,
    QueueFull,
    TooLarge,
    TooManySubscriptions,
)
from tpush.interfaces import IChannel
from tpush.limits import KIB, Limits
from tpush.message import ConnectionID, Job, Message, WorkerID
from tpush.receipt import Counts, Receipt, Ticket

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as Case
else:
    Case = object

LIMITS = Limits(
    content=200 * KIB,
    held_items=50,
    held_bytes=400 * KIB,
    queues=25,
    queue_jobs=30,
    receipts=5,
    subscriptions=20,
)


class Boom(Exception):
    """Raised by a program's callback."""


class ChannelContract(Case):
    """The tests; those who inherit say how a channel is made."""

    clock: EventClock

    def make(self) -> IChannel:
        """Return one more program's end of the one channel, which has `LIMITS`."""
        raise NotImplementedError

    def settle(self, seconds: float = 0.2) -> None:
        """Let all that was asked for happen."""
        self.clock.run(seconds)

    def made(self) -> IChannel:
        """Return an end that has attached."""
        channel = self.make()
        self.settle()
        return channel

    def listener(self, *events: str) -> tuple[IChannel, list[Message]]:
        """Return an end that listens, and what it gets."""
        channel, got = self.make(), list[Message]()
        for event in events:
            channel.subscribe(event, got.append)
        self.settle()
        return channel, got

    def watcher(self, queue: str, *, ask: bool = False) -> tuple[IChannel, list[Job]]:
        """Return an end that takes jobs, and those that it did."""
        channel, did = self.make(), list[Job]()
        channel.watch(queue, did.append, ask=ask)
        self.settle()
        return channel, did

    def assertGot(self, got: list[Message], *expected: str) -> None:
        """Check contents; what came is forgotten."""
        self.settle()
        self.assertEqual([message.data.decode() for message in got], list(expected))
        got.clear()

    # Messages.

    def test_publish(self) -> None:
        """A message reaches all that subscribed to its event, its publisher too; others not."""
        a, got_a = self.listener("news")
        _b, got_b = self.listener("news", "sport")
        _c, got_c = self.listener("sport")
        a.publish("news", "1")
        self.assertGot(got_a, "1")
        self.assertGot(got_b, "1")
        self.assertGot(got_c)

    def test_order(self) -> None:
        """One publisher's messages arrive in order, over events, and whoever they are for."""
        a = self.made()
        _b, got = self.listener("x", "y")
        for number in range(20):
            publish = a.publish_one if number % 3 == 0 else a.publish
            publish("xy"[number % 2], str(number))
        self.assertGot(got, *map(str, range(20)))

    def test_text_and_binary(self) -> None:
        """A str goes out as text, bytes as binary, and bytes that are UTF-8 as told."""
        a = self.made()
        _b, got = self.listener("x")
        a.publish("x", "é")
        a.publish("x", b"\xff\x00")
        a.publish("x", "é".encode(), text=True)
        a.publish_one("x", "")
        a.publish_one("x", b"")
        a.publish_one("x", b"", text=True)
        self.settle()
        self.assertEqual(
            [(message.data, message.text) for message in got],
            [(b"\xc3\xa9", True), (b"\xff\x00", False), (b"\xc3\xa9", True),
             (b"", True), (b"", False), (b"", True)],
        )  # fmt: skip

    def test_full_queue(self) -> None:
        """Who enqueues into a full queue is told so, and others that wait are not disturbed."""
        a = self.made()
        jobs = [a.enqueue("q", str(number)) for number in range(31)]
        other = a.enqueue("p", "x")
        flushed = a.flush()
        self.settle()
        for job in (*jobs[:30], other, flushed):
            self.successResultOf(job)
        self.failureResultOf(jobs[30], QueueFull)

    # Receipts.

    def worker(self, number: int, counts: Counts | None) -> IChannel:
        """Return an end that is a worker, and tells *counts* of each message; None: never."""
        channel = self.make()
        channel.claim(WorkerID(number), lambda: None)

        def tell(message: Message) -> None:
            if counts is not None and message.ticket is not None:
                channel.report(message.ticket, counts)

        channel.subscribe("x", tell)
        self.settle()
        return channel

    def test_receipt(self) -> None:
        """A receipt sums what each worker tells; programs that are no workers tell nothing."""
        self.worker(1, Counts(1, 2, 3))
        self.worker(2, Counts(10, 0, 0))
        _b, got = self.listener("x")
        a = self.made()
        receipts = [a.publish("x", str(number), receipt=True) for number in range(3)]
        a.publish("x", "3")
        self.assertGot(got, "0", "1", "2", "3")
        for receipt in receipts:
            self.assertEqual(self.successResultOf(receipt), Receipt(Counts(11, 2, 3), 2, 0))

    def test_receipt_of_nobody(self) -> None:
        """A message that no worker gets has its receipt at once."""
        a = self.made()
        receipt = a.publish("x", "1", receipt=True)
        self.settle()
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(), 0, 0))

    def test_receipt_in_time(self) -> None:
        """A receipt that is not complete after its time says how many workers are missing."""
        self.worker(1, Counts(written=1))
        self.worker(2, None)
        a = self.made()
        receipt = a.publish("x", "1", receipt=True)
        self.settle(LIMITS.receipt_wait - 0.01)
        self.assertNoResult(receipt)
        self.settle(0.02)
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(1), 1, 1))

    def test_receipt_of_a_closed_channel(self) -> None:
        """Who waits for a receipt when the channel is closed is told what is known."""
        self.worker(1, None)
        a = self.made()
        receipt = a.publish("x", "1", receipt=True)
        forget(a.close())
        self.settle(1)
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(), 0, 1))

    def test_published_for_a_receipt_of_a_closed_channel(self) -> None:
        """What is published because a closing channel has given a receipt up is refused."""
        self.worker(1, None)
        _b, got = self.listener("x")
        a = self.made()
        receipt = a.publish("x", "1", receipt=True)
        self.assertGot(got, "1")
        published = receipt.addCallback(lambda _: a.publish("x", "2"))
        forget(a.close())
        self.settle(1)
        self.failureResultOf(published, ChannelClosed)
        self.assertGot(got)

    def test_too_many_receipts(self) -> None:
        """As many receipts are waited for as may be; what is beyond is not published."""
        self.worker(1, None)
        _b, got = self.listener("x")
        a = self.made()
        for number in range(LIMITS.receipts):
            forget(a.publish("x", str(number), receipt=True))
        with self.assertRaises(OutboxFull):
            forget(a.publish("x", "more", receipt=True))
        self.assertGot(got, *map(str, range(LIMITS.receipts)))

    def test_report_of_no_worker(self) -> None:
        """A program that has claimed no worker id has nothing to report."""
        self.assertRaises(ValueError, self.made().report, Ticket(b"x" * 24), Counts())

    def test_too_many_subscriptions(self) -> None:
        """A program has as many subscriptions as it may; what it has stays."""
        a, got = self.listener(*(f"e{number}" for number in range(LIMITS.subscriptions)))
        self.assertRaises(TooManySubscriptions, a.subscribe, "more", got.append)
        a.subscribe("e1", got.append)
        a.unsubscribe("e0")
        a.subscribe("more", got.append)
        self.settle()
        a.publish("more", "1")
        a.publish("e1", "2")
        self.assertGot(got, "1", "2")

    def test_text_that_is_none(self) -> None:
        """Bytes that are to go out as text and are not UTF-8 are refused: they end clients."""
        a = self.made()
        for publish in (a.publish, a.publish_one):
            self.assertRaises(InvalidText, publish, "x", b"\xff", text=True)
            self.assertRaises(TypeError, publish, "x", None)

    def test_connection(self) -> None:
        """A message for one connection says which, whatever JavaScript number it is."""
        a = self.made()
        _b, got = self.listener("worker/1")
        for connection in (1, 2**53 - 1):
            a.publish("worker/1", "x", connection=ConnectionID(connection))
        a.publish("worker/1", "x")
        self.settle()
        self.assertEqual([message.connection for message in got], [1, 2**53 - 1, None])
        self.assertEqual({message.event for message in got}, {"worker/1"})

    def publish_bad(self, connection: int) -> None:
        """Check that one bad publish is refused, or reaches nobody, and that the next arrives."""
        a = self.made()
        _b, got = self.listener("x")
        with contextlib.suppress(ValueError):
            a.publish("x", "bad", connection=ConnectionID(connection))
        a.publish("x", "good")
        self.settle(5)
        self.assertIn(b"good", [message.data for message in got])

    def test_connection_zero(self) -> None:
        """A publish to a connection id below 1 does not keep those after it from arriving."""
        self.publish_bad(0)

    def test_connection_huge(self) -> None:
        """A publish to a connection id beyond 64 bits does not keep those after it back."""
        self.publish_bad(2**64)

    def test_large(self) -> None:
        """A content of the largest size arrives; one byte more is refused."""
        a = self.made()
        _b, got = self.listener("x")
        data = bytes(range(256)) * (LIMITS.content // 256)
        a.publish("x", data)
        for refused in (a.publish, a.publish_one, a.enqueue):
            self.assertRaises(TooLarge, refused, "x", data + b"x")
        self.settle()
        self.assertEqual([message.data == data for message in got], [True])

    def test_names(self) -> None:
        """A name that cannot be is refused; the longest that can be is not."""
        a = self.made()

        def ignore(_: object) -> None: ...

        bad: list[Any] = ["", "x" * 201, "é" * 101, "\ud800", None, b"x"]
        for name in bad:
            for call in (
                lambda name=name: a.publish(name, ""),
                lambda name=name: a.publish_one(name, ""),
                lambda name=name: a.subscribe(name, ignore),
                lambda name=name: a.enqueue(name, ""),
                lambda name=name: a.watch(name, ignore),
            ):
                self.assertRaises(InvalidName, call)
        self.assertRaises(InvalidName, a.enqueue, "x" * 194, "")
        self.assertRaises(InvalidName, a.watch, "x" * 194, ignore)
        _b, got = self.listener("é" * 100, "new\nline")
        a.publish("é" * 100, "1")
        a.publish("new\nline", "2")
        self.assertGot(got, "1", "2")

    def test_not_utf8(self) -> None:
        """A str that UTF-8 cannot hold is refused, and nothing is published."""
        a = self.made()
        _b, got = self.listener("x")
        self.assertRaises(UnicodeEncodeError, a.publish, "x", "\ud800")
        self.assertGot(got)

    def test_full(self) -> None:
        """What is held is bounded; one beyond the bound is refused, and there is room later."""
        a = self.made()
        _b, got = self.listener("x")
        for number in range(LIMITS.held_items):
            a.publish("x", str(number))
        self.assertRaises(OutboxFull, a.publish, "x", "more")
        self.assertRaises(OutboxFull, a.enqueue, "x", "more")
        self.assertGot(got, *map(str, range(LIMITS.held_items)))
        a.publish("x", b"x" * LIMITS.content)
        a.publish("x", b"x" * LIMITS.content)
        self.assertRaises(OutboxFull, a.publish, "x", "x")
        self.settle()
        self.assertEqual(len(got), 2)

    # Subscriptions.

    def test_unsubscribe(self) -> None:
        """After it was unsubscribed from an event it gets no more of it."""
        a, got = self.listener("x", "y")
        b = self.made()
        a.unsubscribe("x")
        a.unsubscribe("never")
        self.settle()
        b.publish("x", "1")
        b.publish("y", "2")
        self.assertGot(got, "2")

    def test_unsubscribed_while_on_the_way(self) -> None:
        """What is on the way when an event is unsubscribed calls nobody."""
        a, got = self.listener("x")
        b = self.made()
        b.publish("x", "1")
        a.unsubscribe("x")
        self.assertGot(got)

    def test_only_the_outcome_counts(self) -> None:
        """Subscribing and unsubscribing in one breath leaves what was asked for last."""
        a, got = self.listener("x")
        b = self.made()
        a.unsubscribe("x")
        a.subscribe("x", got.append)
        a.subscribe("y", got.append)
        a.unsubscribe("y")
        self.settle()
        b.publish("x", "1")
        b.publish("y", "2")
        self.assertGot(got, "1")

    def test_callback_replaced(self) -> None:
        """A later subscription replaces the callback."""
        a, got = self.listener("x")
        later: list[Message] = []
        a.subscribe("x", later.append)
        a.publish("x", "1")
        self.assertGot(got)
        self.assertGot(later, "1")

    def test_never_called_from_inside(self) -> None:
        """A callback runs in a turn of its own, never inside a call of the program."""
        a, got = self.listener("x")
        a.publish("x", "1")
        a.publish_one("x", "2")
        a.subscribe("y", got.append)
        self.assertEqual(got, [])
        self.assertGot(got, "1", "2")
        did: list[Job] = []
        a.watch("q", did.append)
        forget(a.enqueue("q", "3"))
        self.assertEqual(did, [])

    def test_publish_from_a_callback(self) -> None:
        """A callback may publish, subscribe and unsubscribe."""
        a = self.made()
        got: list[Message] = []

        def answer(message: Message) -> None:
            a.publish("answer", message.data)
            a.unsubscribe("ask")
            self.assertEqual(got, [])

        a.subscribe("ask", answer)
        a.subscribe("answer", got.append)
        a.publish("ask", "1")
        self.assertGot(got, "1")
        a.publish("ask", "2")
        self.assertGot(got)

    def test_failing_callbacks(self) -> None:
        """What a callback raises, or its Deferred fails with, is logged; the next is called."""
        a = self.made()

        async def fail_later(message: Message) -> None:
            await deferLater(self.clock, 0.01)
            raise Boom

        def fail_now(message: Message) -> None:
            raise Boom

        callbacks: list[Callable[[Message], object]] = [
            fail_now, lambda message: fail(Boom()), fail_later,
        ]  # fmt: skip
        for callback in callbacks:
            a.subscribe("x", callback)
            a.publish("x", "1")
            a.publish("x", "2")
            self.settle()
            self.assertEqual(len(self.flushLoggedErrors(Boom)), 2)

    def test_slow_callbacks(self) -> None:
        """A callback that takes its time holds back neither the next message nor the publisher."""
        a = self.made()
        started, ended = [], []

        async def slow(message: Message) -> None:
            started.append(message)
            await deferLater(self.clock, 5)
            ended.append(message)

        a.subscribe("x", slow)
        a.publish("x", "1")
        a.publish("x", "2")
        flushed = a.flush()
        self.settle()
        self.assertEqual((len(started), len(ended)), (2, 0))
        self.successResultOf(flushed)
        self.settle(5)
        self.assertEqual(len(ended), 2)

    # One in turn.

    def test_publish_one(self) -> None:
        """A message for one reaches one subscriber, and they take turns."""
        a = self.made()
        gots = [self.listener("work")[1] for _ in range(3)]
        for number in range(9):
            a.publish_one("work", str(number))
        self.settle()
        self.assertEqual([len(got) for got in gots], [3, 3, 3])
        self.assertEqual(sorted(m.data for got in gots for m in got),
                         [b"%d" % number for number in range(9)])  # fmt: skip

    def test_publish_one_to_nobody(self) -> None:
        """A message for one of nobody is gone, and holds nothing up."""
        a = self.made()
        a.publish_one("work", "1")
        flushed = a.flush()
        self.settle()
        self.successResultOf(flushed)

    def test_had_before_it_closed(self) -> None:
        """A message for one that a closing program had is not given to another too."""
        a = self.made()
        b, got_b = self.listener("work")
        _c, got_c = self.listener("work")
        a.publish_one("work", "1")
        while not got_b:
            self.clock.advance(0.001)
        forget(b.close())
        self.settle(8)
        self.assertEqual((len(got_b), len(got_c)), (1, 0))

    # Jobs.

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

    # Lifetime.

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

    # Workers.

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
