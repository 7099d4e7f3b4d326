"""Queues under any run of what consumers do."""

from collections import defaultdict

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from typing_extensions import override

from tpush.channel.queues import QueuedJob, Queues

CONSUMERS = st.integers(0, 3)
QUEUES = st.sampled_from(["p", "q"])
ATTEMPTS = 3


class QueuesMachine(RuleBasedStateMachine):
    """Queues beside the place where each job must be."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: Queues[int] = Queues(attempts=ATTEMPTS, backoff=1, backoff_most=3)
        self.now = 0.0
        self.enqueued = 0
        self.done: set[bytes] = set()
        self.given: dict[int, tuple[int, QueuedJob, bool]] = {}
        self.asks: dict[tuple[int, str], bool] = {}
        self.reserved: defaultdict[int, int] = defaultdict(int)
        self.attempts: defaultdict[tuple[bytes, str], int] = defaultdict(int)
        self.exhausted: set[bytes] = set()

    @rule(queue=QUEUES)
    def enqueue(self, queue: str) -> None:
        self.enqueued += 1
        self.queues.enqueue(queue, b"%d" % self.enqueued)

    @rule(consumer=CONSUMERS, queue=QUEUES, ask=st.booleans(), failed=st.booleans())
    def watch(self, consumer: int, queue: str, *, ask: bool, failed: bool) -> None:
        queue += "/failed" if failed else ""
        self.queues.watch(consumer, queue, ask=ask)
        self.asks[consumer, queue] = ask

    @rule(consumer=CONSUMERS, queue=QUEUES)
    def unwatch(self, consumer: int, queue: str) -> None:
        self.queues.unwatch(consumer, queue)
        self.asks.pop((consumer, queue), None)

    @rule(consumer=CONSUMERS, jobs=st.integers(1, 3))
    def reserve(self, consumer: int, jobs: int) -> None:
        self.queues.reserve(consumer, jobs)
        self.reserved[consumer] += jobs

    @rule(consumer=CONSUMERS, jobs=st.integers(-1, 2))
    def set_reserved(self, consumer: int, jobs: int) -> None:
        self.queues.set_reserved(consumer, jobs)
        self.reserved[consumer] = max(0, jobs)

    @rule()
    def assign(self) -> None:
        heads: dict[str, list[QueuedJob]] = {
            name: list(entry.ready) for name, entry in self.queues._queues.items()
        }
        for consumer, job, asked in self.queues.assign():
            assert heads[job.queue].pop(0) is job, "not the head"
            assert job.id not in self.given, "given to two"
            assert self.asks[consumer, job.queue] is asked, "given to one that does not watch"
            if asked:
                assert self.reserved[consumer] > 0, "given more than it reserved"
                self.reserved[consumer] -= 1
            else:
                assert not self.busy(consumer, job.queue), "given two at a time"
            self.attempts[job.data, job.queue] += 1
            assert job.attempt == self.attempts[job.data, job.queue]
            assert job.attempt <= ATTEMPTS or job.queue.endswith("/failed")
            assert job.queue.endswith("/failed") == (job.data in self.exhausted)
            self.given[job.id] = consumer, job, asked
        for name, ready in heads.items():
            if ready:
                assert not [who for who in range(4) if self.can_take(who, name)], "left waiting"

    def busy(self, consumer: int, queue: str) -> bool:
        return any(
            who == consumer and job.queue == queue and not asked
            for who, job, asked in self.given.values()
        )

    def can_take(self, consumer: int, queue: str) -> bool:
        asks = self.asks.get((consumer, queue))
        if asks is None:
            return False
        return self.reserved[consumer] > 0 if asks else not self.busy(consumer, queue)

    @rule(which=st.integers(0, 20), ok=st.booleans(), other=CONSUMERS)
    def finish(self, which: int, other: int, *, ok: bool) -> None:
        if not self.given:
            return
        number = sorted(self.given)[which % len(self.given)]
        consumer, _, _ = self.given[number]
        if other != consumer:
            self.queues.finish(other, number, ok=ok, now=self.now)
        self.queues.finish(consumer, number, ok=ok, now=self.now)
        self.settle(number, ok=ok)

    def settle(self, number: int, *, ok: bool) -> None:
        _, job, _ = self.given.pop(number)
        if ok:
            self.done.add(job.data)
        elif job.attempt >= ATTEMPTS:
            self.exhausted.add(job.data)

    @rule(consumer=CONSUMERS)
    def leave(self, consumer: int) -> None:
        self.queues.leave(consumer, self.now)
        self.asks = {pair: ask for pair, ask in self.asks.items() if pair[0] != consumer}
        self.reserved[consumer] = 0
        for number in [n for n, (who, _, _) in self.given.items() if who == consumer]:
            self.settle(number, ok=False)

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        due = self.queues.due()
        self.queues.wake(self.now)
        after = self.queues.due()
        assert after is None or after > self.now
        assert due is None or due <= self.now or after == due

    @invariant()
    def none_lost(self) -> None:
        assert len(self.queues) == self.enqueued - len(self.done)
        for consumer in range(4):
            watched = sorted(queue for who, queue in self.asks if who == consumer)
            assert self.queues.watched(consumer) == watched

    @override
    def teardown(self) -> None:
        for consumer in range(4):
            self.leave(consumer)
        for queue in ("p", "q", "p/failed", "q/failed"):
            self.watch(9, queue, ask=False, failed=False)
        for _ in range(self.enqueued * 4):
            self.wait(5)
            self.assign_all()
        assert len(self.done) == self.enqueued, "a job was lost"
        self.queues.leave(9, self.now)
        queues = self.queues
        assert (len(queues), queues.names, queues.due()) == (0, [], None)
        assert not (queues._given or queues._reserved or queues._resting)
        list(queues.assign())
        assert not queues._stirred

    def assign_all(self) -> None:
        for consumer, job, _ in list(self.queues.assign()):
            self.queues.finish(consumer, job.id, ok=True, now=self.now)
            self.done.add(job.data)
