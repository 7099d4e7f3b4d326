"""A receipt says what became of a message."""

import contextlib
from typing import Any

from tests.channel.cluster import forget
from tests.channel.contract.case import LIMITS, ContractCase
from tpush.errors import (
    ChannelClosed,
    InvalidName,
    InvalidText,
    OutboxFull,
    TooLarge,
    TooManySubscriptions,
)
from tpush.interfaces import IChannel
from tpush.message import ConnectionID, Message, WorkerID
from tpush.receipt import Counts, Receipt, Ticket


class Receipts(ContractCase):
    """A receipt says what became of a message."""

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

    def test_receipt_of_one_who_leaves(self) -> None:
        """A worker that unsubscribes while a message is on its way to it tells of nobody."""
        a, worker = self.made(), self.worker(1, Counts(1))
        for step in range(12):
            receipt = a.publish("x", "1", receipt=True)
            self.settle(step * 0.0005)
            worker.unsubscribe("x")
            self.settle()
            self.assertEqual(self.successResultOf(receipt).missing, 0, step)
            worker.subscribe("x", lambda message: self.tell(worker, message))
            self.settle()

    def tell(self, worker: IChannel, message: Message) -> None:
        assert message.ticket is not None
        worker.report(message.ticket, Counts(1))

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
