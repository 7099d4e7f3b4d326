"""The broker behind AMP: what it takes of its peers, and what it does not."""

# ruff: noqa: N802 - assertions are named as trial's own

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgpack
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster, RawPeer, forget
from tpush.channel import wire
from tpush.channel.client import AMPChannel
from tpush.limits import KIB, MIB, Limits
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


class GreetingTests(ServerCase):
    def test_welcome(self) -> None:
        """A peer that says hello is told the channel's instance, and its session."""
        peer = self.cluster.peer()
        self.assertEqual(
            peer.boxes,
            [{
                b"_command": b"Welcome", b"version": b"1",
                b"channel": self.cluster.broker.instance,
                b"session": self.cluster.broker.sessions[-1].token,
            }],
        )  # fmt: skip

    def test_comes_back(self) -> None:
        """A peer with the key of another is the same: the older link is closed."""
        first, second = self.cluster.peer(hello=False), self.cluster.peer(hello=False)
        first.hello(KEY, worker=7)
        self.run_()
        second.hello(KEY, worker=7)
        self.run_()
        self.assertIsNotNone(first.lost)
        self.assertEqual(second.boxes[0][b"session"], first.boxes[0][b"session"])
        self.run_(10)
        self.assertIsNone(second.lost)
        self.assertUndisturbed()

    def test_refused(self) -> None:
        """A peer is told why it is refused, in one line, and closed."""
        self.cluster.peer(hello=False).hello(b"o" * 16, worker=7)
        self.run_()
        for code, hello in (
            (b"version", {"version": 2}),
            (b"worker-id-taken", {"worker": 7}),
        ):
            peer = self.cluster.peer(hello=False)
            with self.one_warning("refusing"):
                peer.send(
                    wire.Hello,
                    **{"version": 1, "role": "r\n", "name": "n{x}", "key": KEY, "worker": None,
                       "session": None, "acknowledged": None, "nonce": b"n" * 32, **hello},
                )  # fmt: skip
                self.run_()
            self.assertEqual(peer.boxes[0][b"code"], code)
            self.assertIsNotNone(peer.lost)
        self.assertUndisturbed()

    def test_no_hello(self) -> None:
        """A peer that does not say hello is closed after 10 s, in one line, whatever it sends."""
        peer = self.cluster.peer(hello=False)
        with self.one_warning("did not say who it is in time"):
            for _ in range(9):
                peer.send(wire.Ping)
                self.run_(1)
            self.assertIsNone(peer.lost)
            self.run_(2)
        self.assertIsNotNone(peer.lost)
        self.assertUndisturbed()

    def test_stop_in_order(self) -> None:
        """Links are closed in the order they came: every run of a seed does the same."""
        closed: list[RawPeer] = []
        peers = [self.cluster.peer() for _ in range(50)]
        for peer in peers:
            self.patch(peer, "connectionLost", partial(keep_order, closed, peer))
        assert self.cluster.server is not None
        self.cluster.server.stop()
        self.run_()
        self.assertEqual(closed, peers)

    def test_stop(self) -> None:
        """A channel that stops closes all links, and leaves nothing on the clock."""
        peer = self.cluster.peer()
        assert self.cluster.server is not None
        self.cluster.network.listen(None)
        self.cluster.server.stop()
        self.run_()
        self.assertIsNotNone(peer.lost)
        self.assertFalse(self.listener.connected)
        for channel in self.cluster.channels:
            forget(channel.close())
        self.run_(5)
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])


def box(**fields: bytes) -> bytes:
    serialized: bytes = amp.AmpBox({
        key.encode(): value for key, value in fields.items()
    }).serialize()
    return serialized


def command(kind: type[wire.OneWay], **arguments: Any) -> bytes:
    made = kind.makeArguments(arguments, None)
    made[b"_command"] = kind.commandName
    serialized: bytes = made.serialize()
    return serialized


def items(kind: type[wire.OneWay], *each: Any) -> bytes:
    return command(kind, items=list(each), acknowledged=None)


def hello(**changed: Any) -> bytes:
    return command(
        wire.Hello,
        **{
            "version": 1, "role": "", "name": "", "key": KEY, "worker": None, "session": None,
            "acknowledged": None, "nonce": b"n" * 32, **changed,
        },
    )  # fmt: skip


STRANGERS = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long key": b"\x01\x00" + b"k" * 256,
    "a command before the hello": items(wire.Publish, [1, False, "x", True, b"forged"]),
    "an acknowledgement before the hello": command(wire.Acknowledge, acknowledged=1),
    "bye before the hello": command(wire.Bye),
    "subscribe before the hello": command(wire.Subscribe, events=["x"]),
    "restored before the hello": command(wire.Restored, jobs=0),
    "a short key": hello(key=b"k"),
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


def add_tests() -> None:
    """Make a test of each violation."""
    for greeted, cases in ((False, STRANGERS), (True, MEMBERS)):
        for name, data in cases.items():

            def test(
                self: ViolationTests, name: str = name, data: bytes = data,
                greeted: bool = greeted,  # noqa: FBT001
            ) -> None:  # fmt: skip
                self.violates(name, data, greeted=greeted)
                self.assertUndisturbed()

            test.__doc__ = f"A peer that sends {name} is closed alone, in one line."
            test.__name__ = "test_" + "".join(c if c.isalnum() else "_" for c in name)
            setattr(ViolationTests, test.__name__, test)


add_tests()


class StallTests(ServerCase):
    """A peer that takes nothing is given up when much waits for it, and no other is."""

    def stalled(self, size: int, *, reads: bool) -> tuple[RawPeer, AMPChannel]:
        self.cluster = Cluster(Limits(peer_bytes=200_000, silence=60))
        self.cluster.start()
        self.run_ = self.cluster.run
        peer = self.cluster.peer()
        peer.send(wire.Subscribe, events=["x"])
        publisher = self.cluster.channel()
        self.run_(1)
        pipe = next(pipe for pipe in self.cluster.network.open if pipe.client.protocol is peer)
        pipe.client.read(on=reads)
        for _ in range(size // 1000):
            publisher.publish("x", b"x" * 1000)
        return peer, publisher

    def test_given_up(self) -> None:
        """Who waits for its acknowledgement is told that it is done with."""
        _peer, publisher = self.stalled(300_000, reads=False)
        flushed = publisher.flush()
        with self.one_warning("wait for it, and it takes none"):
            self.run_(4)
            self.assertNoResult(flushed)
            self.run_(7)
        self.successResultOf(flushed)
        self.assertEqual(self.cluster.broker.metrics.stalled, 1)
        self.assertEqual(len(self.cluster.broker.sessions), 1)

    def test_much_at_once(self) -> None:
        """A peer has its time from when much waits for it, however long nothing did before."""
        peer, publisher = self.stalled(0, reads=True)
        self.run_(4.9 - self.cluster.clock.seconds() % 5)  # just before a heartbeat
        for _ in range(300):
            publisher.publish("x", b"x" * 1000)
        self.run_(4)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)
        self.run_(7)
        self.assertEqual(self.cluster.broker.metrics.stalled, 1)

    def test_a_little_waits(self) -> None:
        """While what waits is little, a peer is given the time that a silent one has."""
        peer, _publisher = self.stalled(100_000, reads=False)
        self.run_(20)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)

    def test_a_slow_one(self) -> None:
        """A peer that takes some, however slowly, is not given up."""
        peer, publisher = self.stalled(300_000, reads=True)
        self.run_(1)
        for number in range(1, 11):
            peer.send(wire.Acknowledge, acknowledged=number)
            self.run_(4)
        self.assertIsNone(peer.lost)
        self.assertEqual(self.cluster.broker.metrics.stalled, 0)
        forget(publisher.close())


class GoodbyeTests(ServerCase):
    def flooded(self) -> RawPeer:
        """Return a peer that does not read, with more waiting for it than a buffer holds."""
        peer = self.cluster.peer(hello=False)
        peer.hello(KEY)
        peer.send(wire.Subscribe, events=["flood"])
        self.run_()
        self.cluster.network.pipes[-1].client.read(on=False)
        for _ in range(30):
            self.publisher.publish("flood", b"x" * 20_000)
            self.cluster.clock.advance(0.001)
        self.run_(0.1)
        return peer

    def test_bye_with_a_full_buffer(self) -> None:
        """A peer that leaves while much waits for it is closed once it has read that."""
        peer = self.flooded()
        peer.send(wire.Bye)
        self.run_(0.1)
        self.cluster.network.pipes[-1].client.read(on=True)
        self.run_(2)
        self.assertIsNotNone(peer.lost)

    def test_acknowledgement_after_bye(self) -> None:
        """An acknowledgement that is due when its peer has left is forgotten, without a noise."""
        peer = self.flooded()
        peer.write(items(wire.Mark, [1]))
        self.run_(0.005)
        peer.send(wire.Bye)
        self.run_(1)
        self.assertUndisturbed()

    def test_bye(self) -> None:
        """A peer that says bye is forgotten and closed, and what it sent last is taken."""
        peer = self.cluster.peer()
        peer.write(items(wire.Publish, [1, False, "x", True, b"last"]) + command(wire.Bye))
        self.run_()
        self.assertIsNotNone(peer.lost)
        self.assertEqual(len(self.cluster.broker.sessions), 2)
        self.assertEqual([message.data for message in self.got], [b"last"])


class TLSTests(ServerCase):
    tls = True

    def test_refused_over_tls(self) -> None:
        """A peer that is refused is closed over TLS too, which waits for producers."""
        peer = self.cluster.peer(hello=False)
        peer.write(hello(version=2))
        self.run_(2)
        self.assertIsNotNone(peer.lost)


class ScheduleTests(SynchronousTestCase):
    def test_schedules(self) -> None:
        """Whatever is cut and killed, each message reaches each subscriber once, in order."""
        for seed in range(20):
            with self.subtest_of(seed):
                self.schedule(seed)

    @contextmanager
    def subtest_of(self, seed: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise

    def schedule(self, seed: int) -> None:
        limits = Limits()
        cluster = Cluster(limits, seed=seed, delay=0.003)
        random = cluster.random
        cluster.start()
        subscribers: list[list[bytes]] = [[] for _ in range(3)]
        for got in subscribers:
            channel = cluster.channel()
            for event in "xy":
                channel.subscribe(event, partial(keep, got))
        publishers = [cluster.channel() for _ in range(2)]
        cluster.run(1)
        sent: list[list[bytes]] = [[], []]
        restart = 0.0

        def publish() -> None:
            which = random.randrange(2)
            size = random.choice((0, 0, 0, 3000, 90_000))
            data = b"%d:%d:%s" % (which, len(sent[which]), b"x" * size)
            sent[which].append(data)
            publishers[which].publish(random.choice("xy"), data)

        def cut() -> None:
            if cluster.network.open:
                pipe = random.choice(cluster.network.open)
                pipe.cut(server=random.random() < 0.6)

        def kill() -> None:
            nonlocal restart
            if cluster.server is not None:
                cluster.kill()
                restart = cluster.clock.seconds() + random.uniform(0, 4)

        actions: list[tuple[Callable[[], None], int]] = [(publish, 40), (cut, 2), (kill, 1)]
        for _ in range(300):
            for _ in range(random.randrange(4)):
                random.choices([a for a, _ in actions], [w for _, w in actions])[0]()
            cluster.run(random.choice((0, 0.001, 0.01, 0.3)))
            if cluster.server is None and cluster.clock.seconds() >= restart:
                cluster.start(settle=limits.settle)
        if cluster.server is None:
            cluster.start(settle=limits.settle)
        cluster.run(40)
        for got in subscribers:
            for which in range(2):
                mine = [data for data in got if data.startswith(b"%d:" % which)]
                self.assertEqual([data[:8] for data in mine], [data[:8] for data in sent[which]])
                self.assertTrue(mine == sent[which])
        for channel in cluster.channels:
            self.assertEqual(len(channel.outbox), 0)
        for session in cluster.broker.sessions:
            self.assertEqual((len(session.outbox), len(session.ledger)), (0, 0))
        cluster.close()
        self.assertEqual(cluster.clock.getDelayedCalls(), [])
