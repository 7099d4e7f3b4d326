"""The broker behind AMP: what it takes of its peers, and what it does not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.channel.boxes import command, hello, items
from tests.channel.cluster import Cluster, RawPeer, forget
from tests.channel.server_case import KEY, ServerCase, keep, keep_order
from tpush.channel import wire
from tpush.channel.client import AMPChannel
from tpush.limits import Limits


class GreetingTests(ServerCase):
    def test_welcome(self) -> None:
        """A peer that says hello is told the channel's instance, and its session."""
        peer = self.cluster.peer()
        self.assertEqual(
            peer.boxes,
            [{
                b"_command": b"Welcome", b"version": b"1",
                b"channel": self.cluster.broker.instance,
                b"session": self.cluster.broker.sessions[-1].token,
            }],
        )  # fmt: skip

    def test_comes_back(self) -> None:
        """A peer with the key of another is the same: the older link is closed."""
        first, second = self.cluster.peer(hello=False), self.cluster.peer(hello=False)
        first.hello(KEY, worker=7)
        self.run_()
        second.hello(KEY, worker=7)
        self.run_()
        self.assertIsNotNone(first.lost)
        self.assertEqual(second.boxes[0][b"session"], first.boxes[0][b"session"])
        self.run_(10)
        self.assertIsNone(second.lost)
        self.assertUndisturbed()

    def test_refused(self) -> None:
        """A peer is told why it is refused, in one line, and closed."""
        self.cluster.peer(hello=False).hello(b"o" * 16, worker=7)
        self.run_()
        for code, odd in (
            (b"version", {"version": 2}),
            (b"worker-id-taken", {"worker": 7}),
        ):
            peer = self.cluster.peer(hello=False)
            with self.one_warning("refusing"):
                peer.send(
                    wire.Hello,
                    **{"version": 1, "role": "r\n", "name": "n{x}", "key": KEY, "worker": None,
                       "session": None, "acknowledged": None, "nonce": b"n" * 32, **odd},
                )  # fmt: skip
                self.run_()
            self.assertEqual(peer.boxes[0][b"code"], code)
            self.assertIsNotNone(peer.lost)
        self.assertUndisturbed()

    def test_no_hello(self) -> None:
        """A peer that does not say hello is closed after 10 s, in one line, whatever it sends."""
        peer = self.cluster.peer(hello=False)
        with self.one_warning("did not say who it is in time"):
            for _ in range(9):
                peer.send(wire.Ping)
                self.run_(1)
            self.assertIsNone(peer.lost)
            self.run_(2)
        self.assertIsNotNone(peer.lost)
        self.assertUndisturbed()

    def test_stop_in_order(self) -> None:
        """Links are closed in the order they came: every run of a seed does the same."""
        closed: list[RawPeer] = []
        peers = [self.cluster.peer() for _ in range(50)]
        for peer in peers:
            self.patch(peer, "connectionLost", partial(keep_order, closed, peer))
        assert self.cluster.server is not None
        self.cluster.server.stop()
        self.run_()
        self.assertEqual(closed, peers)

    def test_stop(self) -> None:
        """A channel that stops closes all links, and leaves nothing on the clock."""
        peer = self.cluster.peer()
        assert self.cluster.server is not None
        self.cluster.network.listen(None)
        self.cluster.server.stop()
        self.run_()
        self.assertIsNotNone(peer.lost)
        self.assertFalse(self.listener.connected)
        for channel in self.cluster.channels:
            forget(channel.close())
        self.run_(5)
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])


class StallTests(ServerCase):
    """A peer that takes nothing is given up when much waits for it, and no other is."""

    def stalled(self, size: int, *, reads: bool) -> tuple[RawPeer, AMPChannel]:
        self.cluster = Cluster(Limits(peer_bytes=200_000, silence=60))
        self.cluster.start()
        self.run_ = self.cluster.run
        peer = self.cluster.peer()
        peer.send(wire.Subscribe, events=["x"])
        publisher = self.cluster.channel()
        self.run_(1)
        pipe = next(pipe for pipe in self.cluster.network.open if pipe.client.protocol is peer)
        if not reads:
            pipe.client.pauseProducing()
        for _ in range(size // 1000):
            publisher.publish("x", b"x" * 1000)
        return peer, publisher

    def test_given_up(self) -> None:
        """Who waits for its acknowledgement is told that it is done with."""
        _peer, publisher = self.stalled(300_000, reads=False)
        flushed = publisher.flush()
        with self.one_warning("wait for it, and it takes none"):
            self.run_(4)
            self.assertNoResult(flushed)
            self.run_(7)
        self.successResultOf(flushed)
        self.assertEqual(self.cluster.broker.metrics.stalled, 1)
        self.assertEqual(len(self.cluster.broker.sessions), 1)

    def test_much_at_once(self) -> None:
        """A peer has its time from when much waits for it, however long nothing did before."""
        peer, publisher = self.stalled(0, reads=True)
        self.run_(4.9 - self.cluster.clock.seconds() % 5)  # just before a heartbeat
        for _ in range(300):
            publisher.publish("x", b"x" * 1000)
        self.run_(4)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)
        self.run_(7)
        self.assertEqual(self.cluster.broker.metrics.stalled, 1)

    def test_a_little_waits(self) -> None:
        """While what waits is little, a peer is given the time that a silent one has."""
        peer, _publisher = self.stalled(100_000, reads=False)
        self.run_(20)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)

    def test_a_slow_one(self) -> None:
        """A peer that takes some, however slowly, is not given up."""
        peer, publisher = self.stalled(300_000, reads=True)
        self.run_(1)
        for number in range(1, 11):
            peer.send(wire.Acknowledge, acknowledged=number)
            self.run_(4)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)
        forget(publisher.close())


class GoodbyeTests(ServerCase):
    def flooded(self) -> RawPeer:
        """Return a peer that does not read, with more waiting for it than a buffer holds."""
        peer = self.cluster.peer(hello=False)
        peer.hello(KEY)
        peer.send(wire.Subscribe, events=["flood"])
        self.run_()
        self.cluster.network.pipes[-1].client.pauseProducing()
        for _ in range(30):
            self.publisher.publish("flood", b"x" * 20_000)
            self.cluster.clock.advance(0.001)
        self.run_(0.1)
        return peer

    def test_bye_with_a_full_buffer(self) -> None:
        """A peer that leaves while much waits for it is closed once it has read that."""
        peer = self.flooded()
        peer.send(wire.Bye)
        self.run_(0.1)
        self.cluster.network.pipes[-1].client.resumeProducing()
        self.run_(2)
        self.assertIsNotNone(peer.lost)

    def test_acknowledgement_after_bye(self) -> None:
        """An acknowledgement that is due when its peer has left is forgotten, without a noise."""
        peer = self.flooded()
        peer.write(items(wire.Mark, [1]))
        self.run_(0.005)
        peer.send(wire.Bye)
        self.run_(1)
        self.assertUndisturbed()

    def test_bye(self) -> None:
        """A peer that says bye is forgotten and closed, and what it sent last is taken."""
        peer = self.cluster.peer()
        peer.write(items(wire.Publish, [1, False, "x", True, b"last"]) + command(wire.Bye))
        self.run_()
        self.assertIsNotNone(peer.lost)
        self.assertEqual(len(self.cluster.broker.sessions), 2)
        self.assertEqual([message.data for message in self.got], [b"last"])


class TLSTests(ServerCase):
    tls = True

    def test_refused_over_tls(self) -> None:
        """A peer that is refused is closed over TLS too, which waits for producers."""
        peer = self.cluster.peer(hello=False)
        peer.write(hello(version=2))
        self.run_(2)
        self.assertIsNotNone(peer.lost)


class ScheduleTests(SynchronousTestCase):
    def test_schedules(self) -> None:
        """Whatever is cut and killed, each message reaches each subscriber once, in order."""
        for seed in range(20):
            with self.subtest_of(seed):
                self.schedule(seed)

    @contextmanager
    def subtest_of(self, seed: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise

    def schedule(self, seed: int) -> None:
        limits = Limits()
        cluster = Cluster(limits, seed=seed, delay=0.003)
        random = cluster.random
        cluster.start()
        subscribers: list[list[bytes]] = [[] for _ in range(3)]
        for got in subscribers:
            channel = cluster.channel()
            for event in "xy":
                channel.subscribe(event, partial(keep, got))
        publishers = [cluster.channel() for _ in range(2)]
        cluster.run(1)
        sent: list[list[bytes]] = [[], []]
        restart = settled = 0.0

        def publish() -> None:
            which = random.randrange(2)
            size = random.choice((0, 0, 0, 3000, 90_000))
            data = b"%d:%d:%s" % (which, len(sent[which]), b"x" * size)
            sent[which].append(data)
            publishers[which].publish(random.choice("xy"), data)

        def cut() -> None:
            # Who is cut off while a new channel settles may be back too late for what it held.
            if cluster.network.open and cluster.clock.seconds() >= settled:
                pipe = random.choice(cluster.network.open)
                pipe.cut(server=random.random() < 0.6)

        def kill() -> None:
            nonlocal restart
            if cluster.server is not None:
                cluster.kill()
                restart = cluster.clock.seconds() + random.uniform(0, 4)

        actions: list[tuple[Callable[[], None], int]] = [(publish, 40), (cut, 2), (kill, 1)]
        for _ in range(300):
            for _ in range(random.randrange(4)):
                random.choices([a for a, _ in actions], [w for _, w in actions])[0]()
            cluster.run(random.choice((0, 0.001, 0.01, 0.3)))
            if cluster.server is None and cluster.clock.seconds() >= restart:
                cluster.start(settle=limits.settle)
                settled = cluster.clock.seconds() + limits.settle
        if cluster.server is None:
            cluster.start(settle=limits.settle)
        cluster.run(40)
        for got in subscribers:
            for which in range(2):
                mine = [data for data in got if data.startswith(b"%d:" % which)]
                self.assertEqual([data[:8] for data in mine], [data[:8] for data in sent[which]])
                self.assertTrue(mine == sent[which])
        for channel in cluster.channels:
            self.assertEqual(len(channel.outbox), 0)
        for session in cluster.broker.sessions:
            self.assertEqual((len(session.outbox), len(session.ledger)), (0, 0))
        cluster.close()
        self.assertEqual(cluster.clock.getDelayedCalls(), [])
