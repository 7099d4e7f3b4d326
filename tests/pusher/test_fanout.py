"""Frame once, write to many."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.message import BROADCAST, ConnectionID, Message, WorkerID
from tpush.pusher.audience import Audience
from tpush.pusher.fanout import FanOut
from tpush.pusher.receiver import Outcome, Receiver


class Recorder(Receiver):
    """Notes each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    @override
    def write_frames(self, frames: bytes, messages: int) -> None:
        self.writes.append(frames)

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
        self.framed = 0
        self.fanout = FanOut(self.audience, self.clock, self.frame)
        self.receivers = [Recorder() for _ in range(3)]
        for receiver in self.receivers:
            self.audience.add(receiver)

    def frame(self, message: Message) -> bytes:
        self.framed += 1
        return b"<" + message.data + b">"

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
        self.assertEqual(self.framed, 2)

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

    def test_another_audience_flushes(self) -> None:
        """A unicast between two broadcasts stays between them."""
        self.send(b"a")
        self.send(b"b", 1)
        self.send(b"c")
        self.clock.advance(0)
        self.assertEqual(self.receivers[0].writes, [b"<a>", b"<b>", b"<c>"])
        self.assertEqual(self.receivers[1].writes, [b"<a>", b"<c>"])

    def test_flush_before_a_newcomer(self) -> None:
        """Who comes after a message was published does not get it."""
        self.send(b"a")
        self.fanout.flush()
        late = Recorder()
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
        fanout = FanOut(audience, clock, lambda message: message.data)
        receivers = [Recorder() for _ in range(3)]
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
