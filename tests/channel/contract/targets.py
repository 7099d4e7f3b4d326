"""A message for several goes to each program once; one with a key goes once."""

from tests.channel.contract.case import LIMITS, ContractCase
from tpush.channel import keys
from tpush.errors import InvalidAddress, InvalidName
from tpush.interfaces import IChannel
from tpush.message import ConnectionID, Message, Target, WorkerID
from tpush.receipt import Counts, Receipt


class Targets(ContractCase):
    """A message for several goes to each program once; one with a key goes once."""

    def counting(self, event: str) -> IChannel:
        """Return a worker that tells of each message that it was written once."""
        channel = self.make()
        channel.claim(WorkerID(1), lambda: None)

        def tell(message: Message) -> None:
            if message.ticket is not None:
                channel.report(message.ticket, Counts(1))

        channel.subscribe(event, tell)
        self.settle()
        return channel

    def test_several_targets(self) -> None:
        """Who subscribed to several events of a message gets it once, with all of its targets."""
        a = self.made()
        _b, both = self.listener("x", "y")
        _c, one = self.listener("y")
        _d, none = self.listener("z")
        also: tuple[Target, ...] = (("y", None), ("worker/1", ConnectionID(5)))
        but: tuple[Target, ...] = (("user/ann", None), ("worker/2", ConnectionID(7)))
        a.publish("x", "1", also=also, but=but)
        a.publish("x", "2")
        self.settle()
        self.assertEqual(both[0], Message("x", b"1", also=also, but=but))
        self.assertGot(both, "1", "2")
        self.assertGot(one, "1")
        self.assertGot(none)

    def test_different_callbacks(self) -> None:
        """Each callback of a program is called once, whichever events it has."""
        a = self.made()
        b, got = self.listener("x", "y")
        others: list[Message] = []
        b.subscribe("z", others.append)
        self.settle()
        a.publish("x", "1", also=[("y", None), ("z", None)])
        self.assertGot(got, "1")
        self.assertGot(others, "1")

    def test_receipt_of_several(self) -> None:
        """A receipt of a message for several counts each worker once."""
        worker = self.counting("x")
        worker.subscribe("y", lambda _: None)
        self.settle()
        receipt = self.made().publish("x", "1", also=[("y", None)], receipt=True)
        self.settle()
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(1), 1, 0))

    def test_wrong_targets(self) -> None:
        """Targets that cannot be are refused, and so are too many."""
        a = self.made()
        self.assertRaises(InvalidName, a.publish, "x", "1", also=[("", None)])
        self.assertRaises(InvalidAddress, a.publish, "x", "1", but=[("x", 0)])
        self.assertRaises(InvalidAddress, a.publish, "x", "1", also=[("y", None)] * 100)
        self.assertRaises(InvalidName, a.publish, "x", "1", key="k" * 201)

    def test_key(self) -> None:
        """A publish with a key that another one had before is not sent, whoever asks."""
        a, b = self.made(), self.made()
        _c, got = self.listener("x")
        for publisher in (a, b, a):
            publisher.publish("x", "1", key="k")
            publisher.publish("x", "2", key="other")
            self.settle()
        self.assertGot(got, "1", "2")
        b.publish("x", "3")
        self.assertGot(got, "3")

    def test_key_is_forgotten(self) -> None:
        """A key is good for some minutes, from when it was first used."""
        a = self.made()
        _b, got = self.listener("x")
        a.publish("x", "1", key="k")
        self.settle(LIMITS.key_seconds - 1)
        a.publish("x", "2", key="k")
        self.assertGot(got, "1")
        self.settle(1)
        a.publish("x", "3", key="k")
        self.assertGot(got, "3")

    def test_receipt_of_a_repeated_one(self) -> None:
        """Whoever repeats a publish is told what the first was told, as soon as that is known."""
        self.counting("x")
        a, b = self.made(), self.made()
        first = a.publish("x", "1", key="k", receipt=True)
        at_once = b.publish("x", "1", key="k", receipt=True)
        self.settle()
        later = b.publish("x", "1", key="k", receipt=True)
        self.settle()
        for receipt in (first, at_once, later):
            self.assertEqual(self.successResultOf(receipt), Receipt(Counts(1), 1, 0))

    def test_receipt_of_one_that_many_repeat(self) -> None:
        """One more than may wait is told that it is not known; those who wait are told what is."""
        self.patch(keys, "MAX_WAITERS", 2)
        self.counting("x")
        a = self.made()
        receipts = [a.publish("x", "1", key="k", receipt=True) for _ in range(5)]
        self.settle()
        told = [self.successResultOf(receipt) for receipt in receipts]
        self.assertEqual(told, [Receipt(Counts(1), 1, 0)] * 3 + [Receipt(Counts(), 0, None)] * 2)

    def test_receipt_that_nobody_knows(self) -> None:
        """Where the first did not ask what became of it, who repeats it is told so at once."""
        self.counting("x")
        a = self.made()
        a.publish("x", "1", key="k")
        receipt = a.publish("x", "1", key="k", receipt=True)
        self.settle()
        self.assertEqual(self.successResultOf(receipt), Receipt(Counts(), 0, None))
