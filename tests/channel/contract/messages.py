"""Messages reach whom they are for, in order and once."""

from tests.channel.cluster import forget
from tests.channel.contract.case import ContractCase
from tpush.errors import InvalidText, QueueFull


class Messages(ContractCase):
    """Messages reach whom they are for, in order and once."""

    def test_publish(self) -> None:
        """A message reaches all that subscribed to its event, its publisher too; others not."""
        a, got_a = self.listener("news")
        _b, got_b = self.listener("news", "sport")
        _c, got_c = self.listener("sport")
        a.publish("news", "1")
        self.assertGot(got_a, "1")
        self.assertGot(got_b, "1")
        self.assertGot(got_c)

    def test_order(self) -> None:
        """One publisher's messages arrive in order, over events, and whoever they are for."""
        a = self.made()
        _b, got = self.listener("x", "y")
        for number in range(20):
            publish = a.publish_one if number % 3 == 0 else a.publish
            publish("xy"[number % 2], str(number))
        self.assertGot(got, *map(str, range(20)))

    def test_text_and_binary(self) -> None:
        """A str goes out as text, bytes as binary, and bytes that are UTF-8 as told."""
        a = self.made()
        _b, got = self.listener("x")
        a.publish("x", "é")
        a.publish("x", b"\xff\x00")
        a.publish("x", "é".encode(), text=True)
        a.publish_one("x", "")
        a.publish_one("x", b"")
        a.publish_one("x", b"", text=True)
        self.settle()
        self.assertEqual(
            [(message.data, message.text) for message in got],
            [(b"\xc3\xa9", True), (b"\xff\x00", False), (b"\xc3\xa9", True),
             (b"", True), (b"", False), (b"", True)],
        )  # fmt: skip

    def test_json(self) -> None:
        """What is said to be JSON is, and goes out as text."""
        a = self.made()
        _b, got = self.listener("x")
        a.publish("x", '{"é": [1]}', json=True)
        a.publish("x", b"null", json=True)
        for wrong in ("{", b"\xff", "NaN", "[" * 100_000):
            self.assertRaises(InvalidText, a.publish, "x", wrong, json=True)
        self.settle()
        self.assertEqual([(m.data.decode(), m.text, m.json) for m in got],
                         [('{"é": [1]}', True, True), ("null", True, True)])  # fmt: skip

    def test_full_queue(self) -> None:
        """Who enqueues into a full queue is told so, and others that wait are not disturbed."""
        a = self.made()
        jobs = [a.enqueue("q", str(number)) for number in range(31)]
        other = a.enqueue("p", "x")
        flushed = a.flush()
        self.settle()
        for job in (*jobs[:30], other, flushed):
            self.successResultOf(job)
        self.failureResultOf(jobs[30], QueueFull)

    def test_publish_one(self) -> None:
        """A message for one reaches one subscriber, and they take turns."""
        a = self.made()
        gots = [self.listener("work")[1] for _ in range(3)]
        for number in range(9):
            a.publish_one("work", str(number))
        self.settle()
        self.assertEqual([len(got) for got in gots], [3, 3, 3])
        self.assertEqual(sorted(m.data for got in gots for m in got),
                         [b"%d" % number for number in range(9)])  # fmt: skip

    def test_publish_one_to_nobody(self) -> None:
        """A message for one of nobody is gone, and holds nothing up."""
        a = self.made()
        a.publish_one("work", "1")
        flushed = a.flush()
        self.settle()
        self.successResultOf(flushed)

    def test_had_before_it_closed(self) -> None:
        """A message for one that a closing program had is not given to another too."""
        a = self.made()
        b, got_b = self.listener("work")
        _c, got_c = self.listener("work")
        a.publish_one("work", "1")
        while not got_b:
            self.clock.advance(0.001)
        forget(b.close())
        self.settle(8)
        self.assertEqual((len(got_b), len(got_c)), (1, 0))
