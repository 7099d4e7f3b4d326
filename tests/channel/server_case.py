"""A channel over AMP, with two programs that go on whatever others do."""

# ruff: noqa: N802 - assertions are named as trial's own

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster, RawPeer
from tpush.message import Message

KEY = b"k" * 16


def keep(got: list[bytes], message: Message) -> None:
    got.append(message.data)


def keep_order(lost: list[RawPeer], peer: RawPeer, _: object) -> None:
    lost.append(peer)


class ServerCase(SynchronousTestCase):
    tls = False

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(tls=self.tls)
        self.cluster.start()
        self.run_ = self.cluster.run
        self.listener = self.cluster.channel("listener")
        self.publisher = self.cluster.channel("publisher")
        self.got: list[Message] = []
        self.listener.subscribe("x", self.got.append)
        self.run_()
        self.pipes = len(self.cluster.network.pipes)

    def assertUndisturbed(self) -> None:
        """Check that others go on over the links that they had."""
        self.publisher.publish("x", "still here")
        self.run_()
        self.assertEqual([message.data for message in self.got], [b"still here"])
        self.assertTrue(self.listener.connected and self.publisher.connected)
        for pipe in self.cluster.network.pipes[: self.pipes]:
            self.assertTrue(pipe.open)

    @contextmanager
    def one_warning(self, say: str = "") -> Iterator[None]:
        """Check that one line warns, and that nothing fails."""
        with capturedLogs() as logs:
            yield
        failures = [event for event in logs if "log_failure" in event]
        self.assertEqual(failures, [])
        warnings = [e for e in logs if e["log_level"].name in ("warn", "error", "critical")]
        self.assertEqual(len(warnings), 1, [event["log_format"] for event in warnings])
        self.assertIn(say, warnings[0]["log_format"])
        self.assertNotIn("\n", warnings[0]["log_format"].format(**warnings[0]))
