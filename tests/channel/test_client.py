"""The channel over AMP: a program's end, and its link to the channel."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.client_case import ClientCase
from tests.channel.cluster import Cluster, forget
from tests.channel.contract import ChannelContract
from tests.channel.contract.case import LIMITS
from tests.channel.contract.history import HISTORY, ROOM
from tests.channel.pipes import EventClock
from tpush.channel import wire
from tpush.errors import ChannelClosed, OutboxFull
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import Job, Message


class AMPChannelTests(ChannelContract, SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.cluster = Cluster(LIMITS, seed=1, history=HISTORY)
        self.cluster.start()
        self.clock: EventClock = self.cluster.clock

    @override
    def make(self) -> IChannel:
        return self.cluster.channel()

    @override
    def assertNobodyAttached(self) -> None:
        self.assertEqual(self.cluster.broker.sessions, [])


class ReconnectTests(ClientCase):
    def test_connects(self) -> None:
        """A channel connects when the reactor runs, not before."""
        a = self.cluster.channel()
        self.assertEqual((a.connected, self.cluster.network.attempts), (False, 0))
        self.run_()
        self.assertTrue(a.connected)
        self.assertQuiet()

    def test_nothing_listens(self) -> None:
        """A channel that is away is tried again and again, and said to be so in one line."""
        self.cluster.kill()
        a = self.cluster.channel()
        with capturedLogs() as logs:
            self.run_(60)
        self.assertFalse(a.connected)
        self.assertGreater(self.cluster.network.attempts, 40)
        self.assertEqual(len(logs), 1)
        self.cluster.start()
        self.run_(1.5)
        self.assertTrue(a.connected)
        self.assertQuiet()

    def test_back_before_a_new_channel_routes(self) -> None:
        """Every attempt to come back is made sooner than a new channel routes."""
        self.cluster.kill()
        channels = [self.cluster.channel() for _ in range(20)]
        self.run_(20)
        self.cluster.start(settle=self.limits.settle)
        self.run_(self.limits.settle * 0.9)
        self.assertTrue(all(channel.connected for channel in channels))

    def test_cut(self) -> None:
        """What is published while a link is cut arrives once it is back, once and in order."""
        a, got_a = self.listener("x")
        b, _ = self.listener("y")
        b.publish("x", "1")
        self.cluster.network.cut()
        b.publish("x", "2")
        self.assertFalse(a.connected)
        self.run_(3)
        b.publish("x", "3")
        self.assertGot(got_a, "1", "2", "3")
        self.assertQuiet()

    def test_channel_restarts(self) -> None:
        """Subscriptions, watches and reserved jobs are there again on a channel that is new."""
        a, got = self.listener("x")
        b = self.cluster.channel()
        did: list[Job] = []
        a.watch("p", did.append)
        a.watch("q", did.append, ask=True)
        a.reserve()
        a.reserve()
        self.run_()
        self.cluster.kill()
        b.publish("x", "1")
        for queue in "pqqq":
            forget(b.enqueue(queue, "2"))
        self.run_(5)
        self.assertEqual((got, did), ([], []))
        self.cluster.start(settle=2)
        self.run_(1.9)
        self.assertEqual(got, [])
        self.run_(2)
        self.assertGot(got, "1")
        self.assertEqual(sorted(job.queue for job in did), ["p", "q", "q"])

    def test_unsubscribed_while_away(self) -> None:
        """What was taken back while the link was cut is not there afterwards."""
        a, got = self.listener("x", "y")
        did: list[Job] = []
        a.watch("q", did.append)
        self.run_()
        self.cluster.network.cut()
        a.unsubscribe("x")
        a.unwatch("q")
        a.subscribe("z", got.append)
        self.run_(3)
        for event in "xyz":
            a.publish(event, event)
        forget(a.enqueue("q", "1"))
        self.assertGot(got, "y", "z")
        self.assertEqual(did, [])
        self.assertQuiet_with_a_job()

    def assertQuiet_with_a_job(self) -> None:
        self.assertEqual(self.cluster.broker._queues.names, ["q"])
        self.assertQuiet()

    def test_held_while_away(self) -> None:
        """Publishes are held while the channel is away, up to a bound."""
        limits = Limits(held_items=10)
        self.cluster = Cluster(limits)
        a = self.cluster.channel()
        got: list[Message] = []
        a.subscribe("x", got.append)
        for number in range(10):
            a.publish("x", str(number))
        self.assertRaises(OutboxFull, a.publish, "x", "more")
        flushed = a.flush()
        self.cluster.run(5)
        self.assertRaises(OutboxFull, a.publish, "x", "more")
        self.cluster.start()
        self.cluster.run(2)
        self.assertEqual([int(message.data) for message in got], list(range(10)))
        self.successResultOf(flushed)
        a.publish("x", "again")

    def test_comes_back_over_a_half_open_link(self) -> None:
        """One whose link died for it alone comes back at once, to the session that it had."""
        a, got = self.listener("x")
        b, _ = self.listener("y")
        self.cluster.pipe_of(a).cut(server=False)
        b.publish("x", "1")
        self.run_(1)
        self.assertEqual(len(self.cluster.broker.sessions), 2)
        self.assertGot(got, "1")
        self.run_(60)
        self.assertTrue(a.connected and b.connected)
        self.assertQuiet()

    def test_forgotten(self) -> None:
        """One that was away too long is new to the channel, and gets what is published later."""
        a, got = self.listener("x")
        b, _ = self.listener("y")
        b.publish("x", "1")
        self.assertGot(got, "1")
        a._connection._delay = lambda failures: 8
        self.cluster.pipe_of(a).cut()
        self.run_(7)
        self.assertEqual(len(self.cluster.broker.sessions), 1)
        b.publish("x", "2")
        self.run_(8)
        b.publish("x", "3")
        self.run_()
        self.assertEqual(got[-1].data, b"3")
        self.assertQuiet()

    def test_welcome_lost_after_it_was_forgotten(self) -> None:
        """One that was away too long comes back, though its first link is cut at once."""
        a, got = self.listener("x")
        b, _ = self.listener("y")
        for data in "123":
            b.publish("x", data)
        self.assertGot(got, "1", "2", "3")
        self.cluster.network.listen(None)
        self.cluster.pipe_of(a).cut()
        self.run_(7)
        self.cluster.network.listen(self.cluster.server)
        while len(self.cluster.broker.sessions) < 2:
            self.cluster.clock.advance(0.0005)
        self.assertFalse(a.connected)
        self.cluster.network.open[-1].cut()
        self.run_(2)
        self.assertTrue(a.connected, "it did not come back")
        b.publish("x", "4")
        self.assertGot(got, "4")

    def test_one_job_at_a_time_after_a_restart(self) -> None:
        """A watcher that still does a job of the channel before is given no other meanwhile."""
        a = self.cluster.channel()
        running: list[Deferred[None]] = []

        def work(job: Job) -> Deferred[None]:
            running.append(Deferred())
            return running[-1]

        a.watch("q", work)
        forget(a.enqueue("q", "1"))
        self.run_()
        self.cluster.kill()
        self.cluster.start()
        forget(a.enqueue("q", "2"))
        self.run_(3)
        self.assertEqual(len(running), 1)
        running[0].callback(None)
        self.run_()
        self.assertEqual(len(running), 2)

    def test_lines(self) -> None:
        """Connecting, losing and coming back are one line each at either end."""
        with capturedLogs() as logs:
            self.listener("x", name="a\nb")
            self.cluster.network.cut()
            self.run_(2)
            self.cluster.kill()
            self.cluster.start()
            self.run_(3)
            self.cluster.close()
        texts = [event["log_format"] for event in logs]
        self.assertLess(len(texts), 16)
        self.assertFalse([event for event in logs if "log_failure" in event])


class SettledTests(ClientCase):
    """A program is told when the channel has its subscriptions."""

    def test_hung_subscriber(self) -> None:
        """Whoever else is slow to acknowledge."""
        channel, _ = self.listener()
        hung = self.cluster.peer()
        hung.send(wire.Subscribe, events=["x"])
        self.run_()
        channel.publish("x", "is never acknowledged")
        self.run_()
        channel.subscribe("group/news", lambda _: None)
        settled = channel.settled()
        self.run_(1)
        self.successResultOf(settled)

    def test_channel_killed(self) -> None:
        """By the channel that is there, where the one that was asked has died."""
        channel, got = self.listener()
        other, _ = self.listener()
        channel.subscribe("x", got.append)
        settled = channel.settled()
        self.cluster.kill()
        self.run_(1)
        self.assertNoResult(settled)
        self.cluster.start()
        self.run_(3)
        self.successResultOf(settled)
        other.publish("x", "1")
        self.assertGot(got, "1")

    def test_closed(self) -> None:
        """Not by one that the program has left."""
        channel, _ = self.listener()
        self.cluster.kill()
        settled = channel.settled()
        closed = channel.close()
        self.run_(self.limits.stop_wait + 1)
        self.successResultOf(closed)
        self.failureResultOf(settled, ChannelClosed)
        self.failureResultOf(channel.settled(), ChannelClosed)


class CloseTests(ClientCase):
    def test_close_while_away(self) -> None:
        """Closing waits for what is held, for so long; then those who wait are told."""
        a, _ = self.listener()
        self.cluster.kill()
        added = a.enqueue("q", "1")
        with capturedLogs() as logs:
            closed = a.close()
            self.run_(2.9)
            self.assertNoResult(closed)
            self.run_(0.2)
        self.successResultOf(closed)
        self.failureResultOf(added, ChannelClosed)
        self.assertEqual(len([e for e in logs if "never acknowledged" in e["log_format"]]), 1)
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])

    def test_close_and_back_in_time(self) -> None:
        """What is held when a channel is closed goes out if the link comes back in time."""
        a, _ = self.listener()
        _b, got = self.listener("x")
        self.cluster.network.cut()
        a.publish("x", "1")
        closed = a.close()
        self.run_(3)
        self.successResultOf(closed)
        self.assertGot(got, "1")

    def test_close_while_connecting(self) -> None:
        """A channel that is about to connect can be closed at any moment."""
        for wait in range(0, 60, 3):
            cluster = Cluster(delay=0.01)
            cluster.start()
            a = cluster.channel()
            cluster.run(wait / 1000)
            closed = a.close()
            cluster.run(2)
            self.successResultOf(closed)
            assert cluster.server is not None
            cluster.server.stop()
            self.assertEqual(cluster.clock.getDelayedCalls(), [], wait)
            self.assertFalse(cluster.network.open)

    def test_close_over_a_dead_link(self) -> None:
        """A channel whose link is dead, unknown to it, is closed all the same."""
        a, _ = self.listener()
        self.cluster.pipe_of(a).cut(client=False, server=False)
        closed = a.close()
        self.run_(2)
        self.successResultOf(closed)

    def test_closed_is_forgotten_at_once(self) -> None:
        """One that closes says so: the channel keeps nothing of it."""
        a, _ = self.listener("x")
        with capturedLogs() as logs:
            forget(a.close())
            self.run_()
        self.assertEqual(self.cluster.broker.sessions, [])
        self.assertFalse(self.cluster.network.open)
        self.assertFalse([e for e in logs if e["log_level"].name == "warn"])

    def test_job_ends_while_closing(self) -> None:
        """A job that ends while its channel says goodbye is no breach of the protocol."""
        self.cluster = Cluster(delay=0.05)
        self.cluster.start()
        a = self.cluster.channel()
        running: Deferred[None] = Deferred()
        a.watch("q", lambda job: running)
        forget(a.enqueue("q", "1"))
        self.cluster.run(1)
        with capturedLogs() as logs:
            forget(a.close())
            running.callback(None)
            self.cluster.run(1)
        self.assertEqual([e for e in logs if e["log_level"].name == "warn"], [])

    def test_close_over_tls(self) -> None:
        """A channel over TLS, which waits for producers, is closed without delay."""
        self.cluster = Cluster(tls=True)
        self.cluster.start()
        a = self.cluster.channel()
        self.cluster.run()
        closed = a.close()
        self.cluster.run(0.5)
        self.successResultOf(closed)


class RecallTests(ClientCase):
    def test_across_a_death(self) -> None:
        """What was told of is not delivered by the next channel, and has no place there."""
        cluster = self.cluster = Cluster(seed=1, history=HISTORY)
        cluster.start()
        publisher, worker = cluster.channel(), cluster.channel()
        got = list[Message]()
        cluster.run()
        newest = worker.recall([(ROOM, None)], 1_000)
        cluster.run()
        place = self.successResultOf(newest)[0].position
        publisher.publish(ROOM, "1")
        asked = worker.recall([(ROOM, place)], 1_000)
        cluster.run(0.02)
        self.assertEqual([each.data for each in self.successResultOf(asked)[0].messages], [b"1"])
        cluster.kill()
        worker.subscribe(ROOM, got.append)
        cluster.start(settle=2)
        cluster.run(5)
        publisher.publish(ROOM, "2")
        cluster.run()
        self.assertEqual([message.data for message in got], [b"2"])
        position = got[0].position(ROOM)
        assert position is not None
        self.assertEqual(position.offset, 1)
        missed = worker.recall([(ROOM, position._replace(offset=0))], 1_000)
        cluster.run()
        self.assertEqual(self.successResultOf(missed)[0].messages, (got[0],))
