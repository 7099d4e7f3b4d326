"""What the channel does not take of its peers."""

import msgpack
from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.channel.boxes import box, command, hello, items
from tests.channel.cluster import Cluster
from tests.channel.server_case import KEY, ServerCase
from tpush.channel import wire
from tpush.limits import KIB, MIB, Limits

STRANGERS = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long key": b"\x01\x00" + b"k" * 256,
    "a command before the hello": items(wire.Publish, [1, False, "x", True, b"forged"]),
    "an acknowledgement before the hello": command(wire.Acknowledge, acknowledged=1),
    "bye before the hello": command(wire.Bye),
    "subscribe before the hello": command(wire.Subscribe, events=["x"]),
    "restored before the hello": command(wire.Restored, jobs=0),
    "a short key": hello(key=b"k"),
    "a long hello": hello(name="n" * 4096),
    "a box of many keys": box(**{f"k{number}": b"" for number in range(1000)}),
    "worker id 0": hello(worker=0),
    "worker id beyond JavaScript": hello(worker=2**53),
    "no key": box(_command=b"Hello", version=b"1", role=b"", name=b""),
    "a name that is not UTF-8": box(
        _command=b"Hello", version=b"1", role=b"", name=b"\xff", key=KEY
    ),
    "a version that is no number": box(
        _command=b"Hello", version=b"x", role=b"", name=b"", key=KEY
    ),
    "an endless number": box(_command=b"Hello", version=b"1" * 5000, role=b"", name=b"", key=KEY),
}
MEMBERS = {
    "an empty box": b"\0\0",
    "a box without a command": box(x=b"y"),
    "an unknown command": box(_command=b"Nope"),
    "a command that forges a line": box(_command=b"Nope\n2026-01-01 all is well {log_level}"),
    "a long command": box(_command=b"N" * 60000),
    "an unknown command that asks": box(_command=b"Nope", _ask=b"1"),
    "a command that asks": box(_command=b"Ping", _ask=b"1"),
    "a command that answers": box(_command=b"Ping", _answer=b"1"),
    "an answer": box(_answer=b"1"),
    "an error": box(_error=b"1", _error_code=b"X", _error_description=b"x"),
    "StartTLS": box(_command=b"StartTLS", _ask=b"1"),
    "StartTLS that does not ask": box(_command=b"StartTLS"),
    "a switch of protocols": box(_command=b"ProtocolSwitch"),
    "a command of the channel": command(wire.Welcome, version=1, channel=KEY, session=KEY),
    "no arguments": box(_command=b"Publish"),
    "garbage msgpack": box(_command=b"Publish", items=b"\xc1\xff"),
    "msgpack that is no list": box(_command=b"Publish", items=msgpack.packb({"a": 1})),
    "msgpack that claims 4 GB": box(_command=b"Publish", items=b"\xdd\xff\xff\xff\xff"),
    "msgpack that is deep": box(_command=b"Publish", items=b"\x91" * 60000),
    "an odd item": items(wire.Publish, 1),
    "an empty event": items(wire.Publish, [1, False, "", True, b""]),
    "a gap": items(wire.Publish, [1, False, "y", True, b""], [3, False, "y", True, b""]),
    "a job for no queue": items(wire.Enqueue, [1, "", b""]),
    "an outcome of no job": items(wire.Done, [1, 0, True]),
    "a place of nothing": items(wire.Recall, [1, 9, [["y", "", 1]]]),
    "a place twice": items(wire.Recall, [1, 9, [["y", "e", 1], ["y", "e", 2]]]),
    "an odd mark": items(wire.Mark, []),
    "an odd watch": command(wire.Watch, queues=["q"]),
    "an odd subscription": command(wire.Subscribe, events=[7]),
    "an odd unsubscription": command(wire.Unsubscribe, events=[None]),
    "an odd unwatch": command(wire.Unwatch, queues=[b"q"]),
    "less than no jobs": command(wire.Reserve, jobs=-1),
    "jobs that are no number": box(_command=b"Reserve", jobs=b"many"),
    "restored again": command(wire.Restored, jobs=0),
    "a second hello": hello(),
    "an acknowledgement of what was never sent": command(wire.Acknowledge, acknowledged=1),
    "the same in a batch": command(wire.Mark, items=[[1]], acknowledged=1),
    "an acknowledgement that is no number": box(_command=b"Acknowledge", acknowledged=b"x"),
    "two violations": box(_command=b"Nope") + box(_command=b"Nope"),
    "a box of over 4 MiB": b"\0\x08_command\0\x07Publish"
    + b"".join(b"\0\x05key%02d\xff\xff" % n + b"x" * 65535 for n in range(66)),
    "values that are no pieces": box(**{
        "_command": b"Publish",
        "items": b"\x92\x01",
        "items.2": b"\x02",
    }),
}


class ViolationTests(ServerCase):
    def violates(self, name: str, data: bytes, *, greeted: bool) -> None:
        peer = self.cluster.peer(hello=greeted)
        with self.one_warning("broke the channel protocol"):
            peer.write(data)
            self.run_(0.1)
            self.assertIsNotNone(peer.lost, name)
            self.assertNotIn(b"_answer", b"".join(map(b"".join, peer.boxes)))

    def test_bytes_are_whole_or_not(self) -> None:
        """A violation is one in whatever pieces it arrives."""
        for seed in range(3):
            self.cluster = Cluster(seed=seed)
            self.cluster.start()
            self.run_ = self.cluster.run
            for name in ("an unknown command", "garbage msgpack", "a gap"):
                self.violates(name, MEMBERS[name], greeted=True)

    def test_unfinished_box(self) -> None:
        """A box that never ends is cut off at the bound, not gathered."""
        peer = self.cluster.peer()
        sent = 0
        with self.one_warning("broke the channel protocol"):
            peer.write(b"\0\x08_command\0\x07Publish")
            while peer.lost is None and sent < 6 * MIB:
                peer.write(b"\0\x01k\xff\xff" + b"x" * 65535)
                sent += 65540
                self.run_(0.01)
        self.assertLess(sent, 4 * MIB + 200 * KIB)
        self.assertUndisturbed()

    def test_largest_box(self) -> None:
        """A box up to the bound is read."""
        peer = self.cluster.peer()
        peer.write(box(**{f"k{n}": b"x" * 65535 for n in range(63)}, _command=b"Ping"))
        self.run_(1)
        self.assertIsNone(peer.lost)

    def test_comes_back_after_a_violation(self) -> None:
        """A peer that was closed for a violation may come back."""
        peer = self.cluster.peer(hello=False)
        peer.hello(KEY)
        self.run_(0.01)
        token = peer.boxes[0][b"session"]
        peer.write(MEMBERS["a gap"])
        self.run_()
        again = self.cluster.peer(hello=False)
        again.hello(KEY)
        self.run_()
        self.assertEqual(again.boxes[0][b"session"], token)
        self.assertIsNone(again.lost)

    def test_too_many_subscriptions(self) -> None:
        """A peer that subscribes to more than it may is closed, and its others are gone with it."""
        self.cluster = Cluster(Limits(subscriptions=100))
        self.cluster.start()
        self.run_ = self.cluster.run
        peer = self.cluster.peer()
        peer.send(wire.Subscribe, events=[f"e{number}" for number in range(100)])
        peer.send(wire.Subscribe, events=["e1", "e2"])
        peer.send(wire.Unsubscribe, events=["e3"])
        peer.send(wire.Subscribe, events=["e3"])
        self.run_(0.1)
        self.assertIsNone(peer.lost)
        with self.one_warning("broke the channel protocol"):
            peer.send(wire.Subscribe, events=["one more"])
            self.run_(0.1)
            self.assertIsNotNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.violations, 1)

    def test_too_many_watches(self) -> None:
        """A peer that watches more than it may is closed, and has no more than that."""
        self.cluster = Cluster(Limits(subscriptions=100))
        self.cluster.start()
        peer = self.cluster.peer()
        peer.send(wire.Watch, queues=[["q1", False], ["q1", True]])
        peer.send(wire.Watch, queues=[[f"q{number}", False] for number in range(100)])
        self.cluster.run(0.1)
        self.assertIsNone(peer.lost)
        [session] = self.cluster.broker.sessions
        peer.send(wire.Watch, queues=[["one more", False]])
        self.cluster.run(0.1)
        self.assertIsNotNone(peer.lost)
        self.assertEqual(self.cluster.broker.watches(session), 100)
        self.assertEqual(self.cluster.broker.metrics.violations, 1)

    def test_subscriptions_of_one_who_never_ends_to_name_them(self) -> None:
        """A peer that comes back before it has named all does not heap up what it named before."""
        self.cluster = Cluster(Limits(subscriptions=100))
        self.cluster.start()
        for link in range(5):
            peer = self.cluster.peer(hello=False)
            peer.hello_only(KEY)
            peer.send(wire.Subscribe, events=[f"{link}/{number}" for number in range(100)])
            self.cluster.run(0.1)
        (session,) = self.cluster.broker.sessions
        self.assertEqual(self.cluster.broker.subscriptions(session), 200)
        self.assertEqual(self.cluster.broker.metrics.violations, 3)

    def test_many_strangers(self) -> None:
        """Strangers have so many lines written a second; how many were left out is told."""
        with capturedLogs() as events:
            for _ in range(50):
                self.cluster.peer(hello=False).write(b"\xff\xff")
            self.run_(3)
        told = [formatEvent(event) for event in events if event["log_level"] is LogLevel.warn]
        self.assertTrue(len(told) <= 12, told)
        self.assertRegex(told[-1], r"^\d+ more lines like these were left out$")
        left_out = sum(int(line.split()[0]) for line in told if "left out" in line)
        self.assertEqual(len(told) - sum("left out" in line for line in told) + left_out, 50)
        self.assertEqual(self.cluster.broker.metrics.violations, 50)

    def test_content_over_the_bound(self) -> None:
        """A peer that publishes more than a box carries on breaks no subscriber's link."""
        peer = self.cluster.peer()
        around = len(items(wire.Publish, [1, False, "x", False, b"x" * 4_150_000])) - 4_150_000
        # The name of the first value is counted twice.
        data = b"x" * (4 * MIB - around - len("_command") - 2)
        peer.write(items(wire.Publish, [1, False, "x", False, data]))
        self.run_(1)
        self.got.clear()
        self.assertUndisturbed()


def add_test(name: str, data: bytes, *, greeted: bool) -> None:
    """Make a test of one violation."""

    def test(self: ViolationTests) -> None:
        self.violates(name, data, greeted=greeted)
        self.assertUndisturbed()

    test.__doc__ = f"A peer that sends {name} is closed alone, in one line."
    test.__name__ = "test_" + "".join(c if c.isalnum() else "_" for c in name)
    setattr(ViolationTests, test.__name__, test)


for name, data in STRANGERS.items():
    add_test(name, data, greeted=False)
for name, data in MEMBERS.items():
    add_test(name, data, greeted=True)
