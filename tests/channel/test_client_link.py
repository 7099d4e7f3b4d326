"""A program's link to the channel: what it bears, and what it refuses."""

from twisted.logger import capturedLogs
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.client_case import ClientCase
from tests.channel.cluster import Cluster
from tpush.channel import wire
from tpush.message import Message, WorkerID


class LinkTests(ClientCase):
    def test_one_box_a_turn(self) -> None:
        """All that is published in one turn travels in one box, and so it is delivered."""
        a, got = self.listener("x")
        boxes: list[bytes] = []
        link = a._link
        assert link is not None
        send = link.sendBox

        def counted(box: amp.AmpBox) -> None:
            boxes.append(box[amp.COMMAND])
            send(box)

        self.patch(link, "sendBox", counted)
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
        pipe.client.pauseProducing()
        before = pipe.server.written
        for number in range(200):
            a.publish("x", bytes([number]) * 10_000)
            self.cluster.clock.advance(0.001)
        self.run_()
        self.assertEqual((len(got_b), len(got_c)), (0, 200))
        self.assertLess(pipe.server.written - before, 500_000)
        pipe.client.resumeProducing()
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
                self.assertFalse(pipe.server.closed)
                cluster.run(11)
                self.assertFalse(a.connected)
                self.assertTrue(pipe.server.closed)
            lines = [e["log_format"] for e in logs if "silent" in e["log_format"]]
            self.assertEqual(len(lines), 2)

    def test_one_way_silence(self) -> None:
        """An end that still hears the other, and is not heard, is found too."""
        a, _ = self.listener()
        pipe = self.cluster.pipe_of(a)
        pipe.client.silent = True
        self.run_(31)
        self.assertTrue(pipe.server.closed)
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
