"""Orders go the way of messages, to those who obey, and are reported."""

from tests.channel.contract.case import ContractCase
from tpush.interfaces import IChannel
from tpush.message import ConnectionID, Message, Target, WorkerID
from tpush.receipt import Counts, Receipt


class Orders(ContractCase):
    """Orders go the way of messages, to those who obey, and are reported."""

    def obeying(self, number: int, *events: str) -> tuple[IChannel, list[Message]]:
        """Return a worker that obeys, and the messages that it gets besides."""
        channel, got = self.listener(*events)
        channel.claim(WorkerID(number), lambda: None)

        def obey(order: Message) -> None:
            assert order.ticket is not None
            channel.report(order.ticket, Counts(number), b"%d:%b" % (number, order.data))

        channel.obey(obey)
        self.settle()
        return channel, got

    def test_order(self) -> None:
        """Those who subscribed obey, and their replies come back; nobody takes it for a message."""
        _a, got_a = self.obeying(1, "x")
        _b, got_b = self.obeying(2, "x", "y")
        _c, got_c = self.obeying(3, "z")
        _program, got = self.listener("x")
        also: list[Target] = [("y", None), ("worker/9", ConnectionID(1))]
        ordered = self.made().order("x", b"do", also=also)
        self.settle()
        receipt = self.successResultOf(ordered)
        self.assertEqual(sorted(receipt.replies), [b"1:do", b"2:do"])
        self.assertEqual(receipt, Receipt(Counts(3), 2, 0, receipt.replies))
        for nothing in (got_a, got_b, got_c, got):
            self.assertGot(nothing)

    def test_order_of_nobody(self) -> None:
        """An order that concerns nobody is done at once."""
        ordered = self.made().order("x", b"do")
        self.settle()
        self.assertEqual(self.successResultOf(ordered), Receipt(Counts(), 0, 0))

    def test_order_after_a_message(self) -> None:
        """An order comes after the messages that were published before it."""
        channel, _got = self.obeying(1)
        order: list[bytes] = []
        channel.subscribe("x", lambda message: order.append(message.data))
        channel.obey(lambda message: order.append(message.data))
        self.settle()
        a = self.made()
        a.publish("x", "1")
        given = a.order("x", b"2")
        a.publish("x", "3")
        self.settle(3)
        self.assertEqual(order, [b"1", b"2", b"3"])
        self.assertEqual(self.successResultOf(given).missing, 1)
