"""What waits for a back end, and when it goes."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import cases, run_machine
from tpush.hooks.backoff import LEAST, pause
from tpush.hooks.queue import Bounds, EventQueue, body_of

BOUNDS = Bounds(events=5, size=50, batch=3, batch_size=20)


class EventQueueTests(SynchronousTestCase):
    """A queue with bounds."""

    def test_any_order_of_things(self) -> None:
        """Whatever comes and goes, it is within its bounds and in order, and all is accounted."""
        run_machine(QueueMachine, examples=100, steps=40)

    def test_the_oldest_go(self) -> None:
        """Where there is no room it is made for the newest."""
        queue = EventQueue(BOUNDS)
        lost = [queue.add(b"%d" % number) for number in range(7)]
        self.assertEqual(lost, [0] * 5 + [1, 1])
        self.assertEqual([*queue.take(), *queue.take()], [b"2", b"3", b"4", b"5", b"6"])

    def test_too_large(self) -> None:
        """What finds no room at all makes nothing else go."""
        queue = EventQueue(BOUNDS)
        queue.add(b"small")
        self.assertEqual(queue.add(b"x" * 51), 1)
        self.assertEqual(queue.add(b"x" * 45), 0)
        self.assertEqual(queue.add(b"y" * 50), 2)
        self.assertEqual(queue.take(), [b"y" * 50])
        self.assertEqual(queue.take(), [])

    def test_a_full_batch(self) -> None:
        """A batch is as large as it may be, to the byte."""
        queue = EventQueue(BOUNDS)
        for _ in range(3):
            queue.add(b"x" * 10)
        self.assertEqual([len(queue.take()), len(queue.take())], [2, 1])

    def test_room_again(self) -> None:
        """What was taken or forgotten takes up no room."""
        queue = EventQueue(BOUNDS)
        for empty in (queue.take, queue.clear) * 2:
            self.assertEqual(queue.add(b"x" * BOUNDS.size), 0)
            empty()

    def test_body(self) -> None:
        """A batch is one JSON object."""
        self.assertEqual(body_of([b"{}", b"1"], 7), b'{"dropped":7,"events":[{},1]}')


class QueueMachine(RuleBasedStateMachine):
    """A queue beside a list."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = EventQueue(BOUNDS)
        self.model: list[bytes] = []
        self.number = 0

    @rule(size=st.integers(1, 60))
    def add(self, size: int) -> None:
        self.number += 1
        event = b"%d" % self.number
        event += b"." * (size - len(event))
        lost = self.queue.add(event)
        if len(event) > BOUNDS.size:
            assert lost == 1
            return
        self.model.append(event)
        too_many = 0
        while len(self.model) > BOUNDS.events or self.size(self.model) > BOUNDS.size:
            del self.model[0]
            too_many += 1
        assert lost == too_many

    @rule()
    def take(self) -> None:
        batch = self.queue.take()
        assert list(batch) == self.model[: len(batch)]
        assert len(batch) <= BOUNDS.batch
        assert len(batch) <= 1 or self.size(batch) <= BOUNDS.batch_size
        more = self.model[: len(batch) + 1]
        whole = len(more) == len(batch) or len(batch) == BOUNDS.batch
        assert whole or (batch and self.size(more) > BOUNDS.batch_size)
        del self.model[: len(batch)]

    @rule()
    def clear(self) -> None:
        assert self.queue.clear() == len(self.model)
        self.model.clear()

    def size(self, events: Sequence[bytes]) -> int:
        return sum(map(len, events))

    @invariant()
    def bounded(self) -> None:
        assert len(self.queue) == len(self.model) <= BOUNDS.events
        assert self.size(self.model) <= BOUNDS.size

    @override
    def teardown(self) -> None:
        taken: list[bytes] = []
        while batch := self.queue.take():
            taken += batch
        assert taken == self.model


class BackoffTests(SynchronousTestCase):
    """Pauses that grow."""

    @cases(300)
    @given(st.integers(1, 10_000), st.floats(0.01, 10), st.floats(10, 100), st.floats(0, 1))
    def test_any(self, failures: int, first: float, most: float, chance: float) -> None:
        """A pause is within its bounds, doubles, and is spread by chance."""
        waits = pause(failures, first, most, chance)
        assert LEAST * first <= waits <= most
        shortest, longest = (pause(failures, first, most, end) for end in (0, 1))
        assert shortest <= waits <= longest and shortest == LEAST * longest
        assert pause(failures, first, most, chance, 7.0) == min(most, 7.0 + waits)
        assert longest == most or pause(failures + 1, first, most, 1) == min(most, 2 * longest)
