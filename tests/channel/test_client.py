"""The channel over AMP: a program's end, and its link to the channel."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster, forget
from tests.channel.contract import LIMITS, ChannelContract
from tests.channel.pipes import EventClock
from tpush.channel import wire
from tpush.channel.client import AMPChannel
from tpush.errors import ChannelClosed, OutboxFull
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import Job, Message, WorkerID


class AMPChannelTests(ChannelContract, SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.cluster = Cluster(LIMITS, seed=1)
        self.cluster.start()
        self.clock: EventClock = self.cluster.clock

    @override
    def make(self) -> IChannel:
        return self.cluster.channel()

    @override
    def assertNobodyAttached(self) -> None:
        self.assertEqual(self.cluster.broker.sessions, [])


class ClientCase(SynchronousTestCase):
    limits = Limits()

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(self.limits)
        self.cluster.start()
        self.run_ = self.cluster.run

    def listener(self, *events: str, name: str = "") -> tuple[AMPChannel, list[Message]]:
        channel, got = self.cluster.channel(name), list[Message]()
        for event in events:
            channel.subscribe(event, got.append)
        self.run_()
        return channel, got

    def assertGot(self, got: list[Message], *expected: str) -> None:
        self.run_()
        self.assertEqual([message.data.decode() for message in got], list(expected))
        got.clear()

    def assertQuiet(self) -> None:
        """Check that nothing is held, and that closing leaves nothing on the clock."""
        for channel in self.cluster.channels:
            self.assertEqual(len(channel.outbox), 0)
        for session in self.cluster.broker.sessions:
            self.assertEqual((len(session.outbox), len(session.ledger)), (0, 0))
        self.cluster.close()
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])


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


class LinkTests(ClientCase):
    def test_one_box_a_turn(self) -> None:
        """All that is published in one turn travels in one box, and so it is delivered."""
        a, got = self.listener("x")
        boxes: list[bytes] = []
        link = a._link
        assert link is not None
        send = link.callRemote

        def counted(command: type[amp.Command], *args: object, **kwargs: object) -> object:
            boxes.append(command.commandName)
            return send(command, *args, **kwargs)

        self.patch(link, "callRemote", counted)
        for number in range(100):
            a.publish("x", str(number))
        self.run_()
        self.assertEqual(len(got), 100)
        self.assertEqual(boxes.count(b"Publish"), 1)
        self.assertLessEqual(len(boxes), 2)

    def test_acknowledged_in_batches(self) -> None:
        """A stream of messages is acknowledged a few times, not once a message."""
        a, _ = self.listener()
        _b, got = self.listener("x")
        pipe = self.cluster.pipe_of(_b)
        before = pipe.client.written
        for number in range(100):
            a.publish("x", str(number))
            self.cluster.clock.advance(0.001)
        self.run_()
        self.assertEqual(len(got), 100)
        self.assertLess(pipe.client.written - before, 12 * 50)

    def test_acknowledged_beside_a_receipt(self) -> None:
        """What tells to whom a message went takes an acknowledgement along, and is acknowledged."""
        channel = self.cluster.channel()
        self.run_()
        receipt = channel.publish("x", "1", receipt=True)
        self.run_(1)
        self.successResultOf(receipt)
        self.assertEqual(len(channel.outbox), 0)
        (session,) = self.cluster.broker.sessions
        self.assertEqual(len(session.outbox), 0)

    def test_largest(self) -> None:
        """Contents of 1 MiB arrive, through buffers of 64 KiB and in any pieces."""
        for seed in (None, 1, 2):
            cluster = Cluster(seed=seed)
            cluster.start()
            a, b = cluster.channel(), cluster.channel()
            got: list[Message] = []
            b.subscribe("x", got.append)
            cluster.run()
            data = [bytes([number]) * (1 << 20) for number in range(8)]
            for each in data:
                a.publish("x", each)
            cluster.run(5)
            self.assertEqual([message.data for message in got] == data, True)

    def test_slow_reader(self) -> None:
        """One that does not read is sent no more than its buffers hold; others are not held up."""
        a, _ = self.listener()
        b, got_b = self.listener("x")
        _c, got_c = self.listener("x")
        pipe = self.cluster.pipe_of(b)
        pipe.client.read(on=False)
        before = pipe.server.written
        for number in range(200):
            a.publish("x", bytes([number]) * 10_000)
            self.cluster.clock.advance(0.001)
        self.run_()
        self.assertEqual((len(got_b), len(got_c)), (0, 200))
        self.assertLess(pipe.server.written - before, 500_000)
        pipe.client.read(on=True)
        self.run_(1)
        self.assertEqual(len(got_b), 200)
        self.assertQuiet()

    def test_beats(self) -> None:
        """A link over which nothing is sent stays, for hours."""
        a, got = self.listener("x")
        self.run_(4 * 3600)
        self.assertTrue(a.connected)
        self.assertEqual(len(self.cluster.network.pipes), 1)
        a.publish("x", "1")
        self.assertGot(got, "1")
        self.assertQuiet()

    def test_half_open(self) -> None:
        """Either end finds within 30 s, and no sooner than 25, that the other is silent."""
        for at in range(0, 10, 3):
            cluster = Cluster()
            cluster.start()
            a = cluster.channel()
            cluster.run(1 + at)
            pipe = cluster.pipe_of(a)
            with capturedLogs() as logs:
                pipe.cut(client=False, server=False)
                cluster.network.listen(None)
                cluster.run(19)
                self.assertTrue(a.connected)
                self.assertFalse(pipe.server.gone)
                cluster.run(11)
                self.assertFalse(a.connected)
                self.assertTrue(pipe.server.gone)
            lines = [e["log_format"] for e in logs if "silent" in e["log_format"]]
            self.assertEqual(len(lines), 2)

    def test_one_way_silence(self) -> None:
        """An end that still hears the other, and is not heard, is found too."""
        a, _ = self.listener()
        pipe = self.cluster.pipe_of(a)
        pipe.client.silent = True
        self.run_(31)
        self.assertTrue(pipe.server.gone)
        self.run_(5)
        self.assertTrue(a.connected)
        self.assertQuiet()


class FakeChannelTests(SynchronousTestCase):
    """What a program's end does with a channel that breaks the protocol."""

    def test_violations(self) -> None:
        """A channel that breaks the protocol is left, with one warning, and tried again."""
        for command, arguments in (
            (wire.Welcome, {"version": 1, "channel": b"x" * 16, "session": b"x" * 24}),
            (wire.Acknowledge, {"acknowledged": 99}),
            (wire.Deliver, {"items": [[0]], "acknowledged": None}),
            (wire.Job, {"items": [[1, 2]], "acknowledged": None}),
            (wire.Hello, {"version": 1, "role": "", "name": "", "key": b"", "nonce": b""}),
            (wire.Challenge, {"channel": b"", "nonce": b""}),
        ):
            cluster = Cluster()
            cluster.start()
            a = cluster.channel()
            cluster.run()
            with capturedLogs() as logs:
                link = cluster.pipe_of(a).server.protocol
                assert isinstance(link, amp.AMP)
                link.callRemote(command, **arguments)
                cluster.run(0.05)
                self.assertFalse(a.connected)
                cluster.run(1)
                self.assertTrue(a.connected)
            warnings = [e for e in logs if e["log_level"].name == "warn"]
            self.assertEqual(len(warnings), 1, command)

    def test_before_the_welcome(self) -> None:
        """A job, or a bye, before the welcome is a violation."""
        commands: list[tuple[type[wire.OneWay], dict[str, object]]] = [
            (wire.Job, {"items": [], "acknowledged": None}),
            (wire.Bye, {}),
        ]
        for command, arguments in commands:
            cluster = Cluster()
            cluster.start()
            a = cluster.channel()
            while not cluster.network.pipes:
                cluster.clock.advance(0.0001)
            link = cluster.network.pipes[0].server.protocol
            assert isinstance(link, amp.AMP)
            with capturedLogs() as logs:
                link.callRemote(command, **arguments)
                cluster.run(0.01)
                self.assertFalse(a.connected)
            self.assertEqual(len([e for e in logs if "broke" in e["log_format"]]), 1)


class RefusalTests(ClientCase):
    def test_version(self) -> None:
        """One that speaks another version is told so, says it once, and goes on trying."""
        self.patch(wire, "VERSION", 2)
        a = self.cluster.channel()

        plain = wire.Hello.makeArguments

        def hello(cls: object, objects: dict[str, object], proto: object) -> object:
            return plain({**objects, "version": 1}, proto)

        self.patch(wire.Hello, "makeArguments", classmethod(hello))
        with capturedLogs() as logs:
            self.run_(20)
        self.assertFalse(a.connected)
        self.assertGreater(self.cluster.network.attempts, 10)
        mine = [e for e in logs if "cannot reach" in e["log_format"]]
        self.assertEqual(len(mine), 1)
        self.assertIn("VersionRefused", mine[0]["complaint"])
        self.assertFalse(self.cluster.network.open)

    def test_worker_id_taken_for_good(self) -> None:
        """A worker that draws taken ids goes on drawing, no faster than it may reconnect."""
        self.cluster.channel().claim(WorkerID(7), lambda: None)
        self.run_()
        told: list[None] = []
        b = self.cluster.channel()
        b.claim(WorkerID(7), lambda: told.append(None))
        self.run_(10)
        self.assertTrue(5 < len(told) < 20, told)
        b.claim(WorkerID(8), lambda: None)
        self.run_(2)
        self.assertTrue(b.connected)
