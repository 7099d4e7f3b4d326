"""Who has subscribed to what."""

from collections.abc import Callable

from twisted.internet.defer import fail
from twisted.internet.task import deferLater

from tests.channel.cluster import forget
from tests.channel.contract.case import Boom, ContractCase
from tpush.message import Job, Message


class Subscriptions(ContractCase):
    """Who has subscribed to what."""

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
