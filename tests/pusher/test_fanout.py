"""Frame once, write to many."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.message import BROADCAST, ConnectionID, Message, Position, Target, WorkerID
from tpush.metrics import Traffic
from tpush.pusher.audience import Audience
from tpush.pusher.dialect import Dialect, Greeting
from tpush.pusher.fanout import JOIN_BYTES, PILED, FanOut
from tpush.pusher.receiver import Outcome, Receiver


class Marked(Dialect):
    """Puts a mark on both sides of a message, and counts them."""

    name = "marked"

    def __init__(self, marks: bytes = b"<%b>") -> None:
        self.marks = marks
        self.framed = 0

    @override
    def greet(self, greeting: Greeting) -> bytes:
        return b""

    @override
    def head(self, target: Target) -> bytes:
        return b""

    @override
    def places(self, own: Position | None, too: Sequence[tuple[str, Position]]) -> bytes:
        said = () if own is None else (own.offset,)
        return repr((*said, *too)).encode()

    @override
    def body(self, message: Message) -> bytes:
        return message.data

    @override
    def frame(self, head: bytes, body: bytes, *, text: bool) -> bytes:
        self.framed += 1
        return self.marks % (head + body)


class Recorder(Receiver):
    """Notes each write."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.writes: list[bytes] = []
        self.messages = 0

    @override
    def write_frames(self, frames: bytes, messages: int) -> None:
        self.writes.append(frames)
        self.messages += messages

    @override
    def write_telling(self, frame: bytes) -> Outcome:
        self.writes.append(frame)
        return Outcome.WRITTEN

    @override
    def look_again(self) -> Outcome:
        return Outcome.WRITTEN


class FanOutTests(SynchronousTestCase):
    """A fan-out joins what it may and reorders nothing."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.audience: Audience[Receiver] = Audience(WorkerID(1))
        self.dialect = Marked()
        self.fanout = FanOut(self.audience, self.clock)
        self.receivers = [Recorder(self.dialect) for _ in range(3)]
        for receiver in self.receivers:
            self.audience.add(receiver)

    def send(self, data: bytes, connection: int | None = None) -> None:
        target = None if connection is None else ConnectionID(connection)
        event = BROADCAST if target is None else "worker/1"
        self.fanout.send(Message(event, data, connection=target))

    def test_a_turn_is_one_write(self) -> None:
        """Messages of one turn reach each connection in one write, framed once each."""
        self.send(b"a")
        self.send(b"b")
        self.assertEqual(self.receivers[0].writes, [])
        self.clock.advance(0)
        self.assertEqual([r.writes for r in self.receivers], [[b"<a><b>"]] * 3)
        self.assertEqual(self.dialect.framed, 2)

    def test_dialects(self) -> None:
        """Each gets messages in its dialect, and each dialect frames them once."""
        other = Marked(b"[%b]")
        for _ in range(2):
            self.receivers.append(Recorder(other))
            self.audience.add(self.receivers[-1])
        self.send(b"a")
        self.send(b"b")
        self.clock.advance(0)
        got = [r.writes for r in self.receivers]
        self.assertEqual(got, [[b"<a><b>"]] * 3 + [[b"[a][b]"]] * 2)
        self.assertEqual((self.dialect.framed, other.framed), (2, 2))

    def test_several_targets(self) -> None:
        """A message for several is framed for each of them; whoever is in two gets the first."""

        class Named(Marked):
            @override
            def head(self, target: Target) -> bytes:
                return target[0].encode() + b":"

        dialect = Named(b"%b ")
        receivers = [Recorder(dialect) for _ in range(3)]
        for receiver, events in zip(receivers, ("x", "xy", "yz"), strict=True):
            connection = self.audience.add(receiver)
            for event in events:
                self.audience.join(connection, event)
        also: tuple[Target, ...] = (("y", None), ("z", None))
        for data in (b"1", b"2"):
            self.fanout.send(Message("x", data, also=also))
        self.fanout.send(Message("y", b"3", but=(("z", None),)))
        self.fanout.flush()
        got = [b"".join(r.writes) for r in receivers]
        self.assertEqual(got, [b"x:1 x:2 ", b"x:1 x:2 y:3 ", b"y:1 y:2 "])
        self.assertEqual(dialect.framed, 5)

    def test_a_list_of_connections(self) -> None:
        """A message for many connections is framed once, as any other."""
        targets = [("worker/1", ConnectionID(number)) for number in (1, 2, 3)]
        (event, first), *also = targets
        self.fanout.send(Message(event, b"a", connection=first, also=tuple(also)))
        self.fanout.flush()
        self.assertEqual([r.writes for r in self.receivers], [[b"<a>"]] * 3)
        self.assertEqual(self.dialect.framed, 1)

    def test_one_connection_alone(self) -> None:
        """A message for one connection reaches no other."""
        self.send(b"a", 2)
        self.clock.advance(0)
        self.assertEqual([r.writes for r in self.receivers], [[], [b"<a>"], []])

    def test_gone(self) -> None:
        """A message for a connection that has left reaches nobody."""
        self.audience.remove(ConnectionID(2))
        self.send(b"a", 2)
        self.clock.advance(0)
        self.assertEqual([r.writes for r in self.receivers], [[], [], []])

    def test_several_audiences(self) -> None:
        """A unicast between two broadcasts stays between them, and all are one write."""
        self.send(b"a")
        self.send(b"b", 1)
        self.send(b"c")
        self.clock.advance(0)
        self.assertEqual(self.receivers[0].writes, [b"<a><b><c>"])
        self.assertEqual(self.receivers[1].writes, [b"<a><c>"])
        self.assertEqual(self.dialect.framed, 3)

    def test_size(self) -> None:
        """What waits is written within the turn once it is much, for one audience or for many."""
        content = b"-" * (JOIN_BYTES // 4)
        for connection in (None, 1):
            for number in range(5):
                self.send(content, connection and 1 + number % 2)
            self.assertEqual(len(self.receivers[0].writes), 1)
            self.clock.advance(0)
            self.receivers[0].writes.clear()

    def test_large_audiences(self) -> None:
        """Where many get what waits, it does not wait for long."""
        receivers = [Recorder(self.dialect) for _ in range(JOIN_BYTES // PILED)]
        for number, receiver in enumerate(receivers):
            self.audience.join(self.audience.add(receiver), "xy"[number % 2])
        for event in "xyxy":
            self.fanout.send(Message(event, b"a"))
        self.assertEqual([receivers[0].writes, receivers[1].writes], [[b"<a><a>"], [b"<a>"]])

    def test_traffic(self) -> None:
        """Messages are counted, and each once more for each connection that it is given to."""
        for data, connection in ((b"a", None), (b"b", None), (b"c", 2), (b"d", 9)):
            self.send(data, connection)
        self.clock.advance(0)
        self.assertEqual(self.fanout.traffic, Traffic(messages=4, deliveries=7))

    def test_flush_before_a_newcomer(self) -> None:
        """Who comes after a message was published does not get it."""
        self.send(b"a")
        self.fanout.flush()
        late = Recorder(self.dialect)
        self.audience.add(late)
        self.clock.advance(0)
        self.assertEqual(late.writes, [])

    def test_stop(self) -> None:
        """A stopped fan-out has written all, and leaves nothing on the clock."""
        self.send(b"a")
        self.fanout.stop()
        self.assertEqual(self.receivers[0].writes, [b"<a>"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @settings(derandomize=True, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from([None, 1, 2, 3, 4]), st.booleans())))
    def test_order(self, steps: list[tuple[int | None, bool]]) -> None:
        """Whatever the audiences and turns, each connection gets its messages in order, once."""
        clock, audience = Clock(), Audience[Receiver](WorkerID(1))
        fanout = FanOut(audience, clock)
        receivers = [Recorder(Marked(b"%b")) for _ in range(3)]
        for receiver in receivers:
            audience.add(receiver)
        expected: list[list[int]] = [[], [], []]
        for number, (connection, turn) in enumerate(steps):
            target = None if connection is None else ConnectionID(connection)
            event = BROADCAST if target is None else "worker/1"
            fanout.send(Message(event, b"%d " % number, connection=target))
            for index in range(3):
                if connection in (None, index + 1):
                    expected[index].append(number)
            if turn:
                clock.advance(0)
        clock.advance(0)
        got = [[int(n) for n in b"".join(r.writes).split()] for r in receivers]
        self.assertEqual(got, expected)
        self.assertEqual([r.messages for r in receivers], list(map(len, expected)))
