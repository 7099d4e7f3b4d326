"""Programs and a channel over AMP, on one clock."""

# ruff: noqa: N802 - assertions are named as trial's own

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster
from tpush.channel.client import AMPChannel
from tpush.limits import Limits
from tpush.message import Message


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
