"""The channel in process."""

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import forget
from tests.channel.contract import ChannelContract
from tests.channel.contract.case import LIMITS
from tests.channel.contract.history import HISTORY
from tests.channel.pipes import EventClock
from tpush.channel.local import LocalBroker
from tpush.interfaces import IChannel
from tpush.message import Message


class LocalChannelTests(ChannelContract, SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.clock = EventClock()
        self.owner = LocalBroker(self.clock, LIMITS, HISTORY)

    @override
    def make(self) -> IChannel:
        return self.owner.channel(name="a")

    @override
    def assertNobodyAttached(self) -> None:
        self.assertEqual(self.owner.broker.sessions, [])

    def test_after_all_have_closed(self) -> None:
        """A broker that everybody left while it had something to do serves the next."""
        a = self.make()
        a.subscribe("x", lambda message: None)
        # Calls of one time run in order: behind its first turn, and ahead of the broker's.
        self.clock.callLater(0, a.close)
        self.settle()
        b, got = self.listener("x")
        b.publish("x", "1")
        self.assertGot(got, "1")

    def test_resting_job_of_nobody(self) -> None:
        """When all have closed no timer is left, though a failed job rests."""
        a = self.make()

        def work(job: object) -> None:
            raise ZeroDivisionError

        a.watch("q", work)
        forget(a.enqueue("q", "1"))
        self.settle(0.1)
        self.flushLoggedErrors(ZeroDivisionError)
        forget(a.close())
        self.settle(0.1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_batches(self) -> None:
        """More than a batch holds is delivered in order, over several turns."""
        owner = LocalBroker(self.clock)
        a, got = owner.channel(), list[Message]()
        a.subscribe("x", got.append)
        for number in range(2500):
            a.publish("x", str(number))
        self.settle()
        self.assertEqual([int(message.data) for message in got], list(range(2500)))
