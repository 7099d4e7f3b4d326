"""A channel that goes away in good order, in memory."""

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster
from tpush.message import Message

PEERS = 100


class GoingAwayTests(SynchronousTestCase):
    """Peers are told, come back one after another, and lose nothing."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(seed=1)
        self.cluster.start()
        self.addCleanup(self.close)

    def close(self) -> None:
        self.cluster.close()
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])

    def test_told(self) -> None:
        """A peer is sent a bye as the last thing, and the connection is closed in order."""
        peer, early = self.cluster.peer(), self.cluster.peer(hello=False)
        self.cluster.leave()
        self.cluster.run()
        self.assertEqual(peer.commands[-1], b"Bye")
        self.assertEqual(early.commands, [])
        self.assertIsNotNone(peer.lost)
        self.assertIsNotNone(early.lost)

    def test_said(self) -> None:
        """A program says that in one line, and says that it is back."""
        channel = self.cluster.channel()
        self.cluster.run()
        with capturedLogs() as events:
            self.cluster.leave()
            self.cluster.run(0.05)
            self.assertFalse(channel.connected)
            self.cluster.start()
            self.cluster.run(2)
        self.assertTrue(channel.connected)
        formats = [e["log_format"] for e in events if e["log_namespace"].endswith("AMPChannel")]
        self.assertEqual(formats[0], "the channel goes away")
        self.assertTrue(formats[1].startswith("reconnected"), formats)
        self.assertEqual(len(formats), 2)

    def test_not_all_at_once(self) -> None:
        """They come back spread over a second, all before the next channel has settled."""
        channels = [self.cluster.channel() for _ in range(PEERS)]
        self.cluster.run()
        self.cluster.leave()
        self.cluster.run(0.01)
        self.cluster.start(settle=2)
        counts = []
        for _ in range(20):
            self.cluster.run(0.1)
            counts.append(sum(channel.connected for channel in channels))
        arrivals = [after - before for before, after in zip([0, *counts], counts, strict=False)]
        self.assertEqual(counts[-1], PEERS)
        self.assertLess(max(arrivals), PEERS / 4)
        self.assertGreater(sum(map(bool, arrivals)), 8)

    def test_nothing_lost(self) -> None:
        """What was published up to then, and what is published meanwhile, arrives once."""
        got: list[Message] = []
        subscriber, publisher = self.cluster.channel(), self.cluster.channel()
        subscriber.subscribe("x", got.append)
        self.cluster.run()
        for number in range(30):
            publisher.publish("x", str(number))
            if number == 10:
                self.cluster.run(0.0015)
                self.cluster.leave()
            if number == 20:
                self.cluster.run(0.3)
                self.cluster.start(settle=2)
        self.cluster.run(4)
        self.assertEqual([message.data for message in got], [b"%d" % n for n in range(30)])

    def test_a_dead_link(self) -> None:
        """A peer that is gone, unknown to us, does not hold it up for longer than a second."""
        channel = self.cluster.channel()
        self.cluster.run()
        pipe = self.cluster.pipe_of(channel)
        pipe.cut(client=False, server=False)
        self.cluster.leave()
        self.cluster.run(1.1)
        self.assertTrue(pipe.server.closed)
