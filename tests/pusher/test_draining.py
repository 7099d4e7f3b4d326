"""The end of a worker's clients, on a clock."""

from collections.abc import Iterable
from dataclasses import replace

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.limits import Limits
from tpush.pusher.closing import GOING_AWAY, Close
from tpush.pusher.draining import drain


class FakeClient:
    """A client that answers its close at once, or never."""

    def __init__(self, owner: "FakeClients", *, answers: bool) -> None:
        self._owner = owner
        self._answers = answers
        self.closed_at: float | None = None

    def leave(self, close: Close) -> None:
        assert close is GOING_AWAY and self.closed_at is None
        self.closed_at = self._owner.clock.seconds()
        if self._answers:
            self._owner.lost(self)


class FakeClients:
    """Those of one worker."""

    def __init__(self, clock: Clock, count: int, *, answers: bool = True) -> None:
        self.clock = clock
        self.all = [FakeClient(self, answers=answers) for _ in range(count)]
        self.left = list(self.all)
        self.flushed_at: list[float] = []
        self._empty: Deferred[None] | None = None

    def everyone(self) -> Iterable[FakeClient]:
        return list(self.left)

    def flush(self) -> None:
        self.flushed_at.append(self.clock.seconds())

    def emptied(self) -> Deferred[None]:
        self._empty = Deferred()
        if not self.left:
            self._empty.callback(None)
        return self._empty

    def abort_all(self) -> None:
        self.left.clear()

    def lost(self, client: FakeClient) -> None:
        self.left.remove(client)
        if not self.left and self._empty is not None:
            self._empty.callback(None)


class DrainTests(SynchronousTestCase):
    """Clients are closed at a rate, and all are gone in time."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.limits = Limits()

    def run_drain(self, count: int, *, answers: bool = True) -> FakeClients:
        """Drain that many clients to the end, and see how long it took."""
        self.clients = FakeClients(self.clock, count, answers=answers)
        drained = Deferred.fromCoroutine(drain(self.clients, self.clock, self.limits))
        began = self.clock.seconds()
        while not drained.called:
            self.clock.advance(0.01)
        self.successResultOf(drained)
        self.took = self.clock.seconds() - began
        self.assertEqual(self.clients.left, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return self.clients

    def closed_in(self, start: float, end: float) -> int:
        times = [client.closed_at for client in self.clients.all]
        return sum(start <= time < end for time in times if time is not None)

    def test_nobody(self) -> None:
        """Without clients it is over at once."""
        self.clients = FakeClients(self.clock, 0)
        self.successResultOf(Deferred.fromCoroutine(drain(self.clients, self.clock, self.limits)))

    def test_a_few(self) -> None:
        """A few clients are closed at once."""
        self.run_drain(3)
        self.assertLess(self.took, 0.1)

    def test_rate(self) -> None:
        """2,000 clients at 1,000 a second take two seconds, in each as many."""
        self.run_drain(2_000)
        self.assertLess(abs(self.took - 2), 0.2)
        self.assertLess(abs(self.closed_in(0, 1) - 1_000), 100)
        self.assertLess(abs(self.closed_in(1, 2) - 1_000), 100)
        self.assertLess(max(self.closed_in(t / 10, t / 10 + 0.1) for t in range(20)), 160)

    def test_all_in_time(self) -> None:
        """Where the rate is too slow for all to be gone in time, they are closed faster."""
        self.limits = replace(Limits(), drain_rate=1)
        self.run_drain(2_100, answers=False)
        self.assertLess(abs(self.took - 25), 0.2)
        self.assertLess(abs(self.closed_in(0, 1) - 100), 10)

    def test_no_answer(self) -> None:
        """Those that do not answer have their time, and are dropped."""
        self.run_drain(10, answers=False)
        self.assertLess(abs(self.took - self.limits.close_wait), 0.1)

    def test_accepted_first(self) -> None:
        """What waits to be joined is written before each lot is closed."""
        clients = self.run_drain(500)
        times = {client.closed_at for client in clients.all}
        self.assertEqual(times - set(clients.flushed_at), set())
