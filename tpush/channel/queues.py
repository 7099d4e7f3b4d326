"""Work queues: who does which job, and what becomes of a job that failed.

Pure: consumers are any hashable, time is an argument. A job is in one of four places::

    enqueue ─▶ ready ─▶ given to a consumer ─▶ done
                 ▲             │ failed, or its consumer left
                 └─ resting ◀──┤
                    (back-off) └─▶ ready in {queue}/failed, after the last attempt

A job that comes back goes to the head of its queue. A consumer that watches a queue is given one
of its jobs at a time; one that asks is given, over all queues that it watches so, as many as it
has reserved. Ready consumers of a queue take turns. In a queue named ``…/failed`` a job comes back
without end: it has no other place to go.
"""

import heapq
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from tpush.errors import QueueFull
from tpush.message import FAILED

Consumer = TypeVar("Consumer", bound=Hashable)


@dataclass(slots=True, eq=False)
class QueuedJob:
    """One job on its way; *attempt* counts how often it was handed out."""

    id: int
    queue: str
    data: bytes
    attempt: int = 0


@dataclass(slots=True)
class _Queue(Generic[Consumer]):
    ready: deque[QueuedJob] = field(default_factory=deque)
    watchers: dict[Consumer, bool] = field(default_factory=dict)
    """Whether each asks, in turn."""
    busy: set[Consumer] = field(default_factory=set)
    """Those that were given a job unasked and have not finished it."""
    size: int = 0
    """Bytes of the ready jobs."""


class Queues(Generic[Consumer]):
    """All queues of one broker.

    Args:
        attempts: how often a job is handed out before it goes to ``{queue}/failed``.
        backoff: seconds before it is handed out again, doubled at each attempt.
        backoff_most: the most of that.
        first: the id of the first job; another broker's ids should be far from it.
        most_jobs: ready jobs of one queue.
        most_bytes: the sum of their sizes.
        most_queues: queues that there may be, for a job to begin another.
    """

    __slots__ = (
        "_attempts", "_away", "_backoff", "_backoff_most", "_given", "_ids", "_most_bytes",
        "_most_jobs", "_most_queues", "_queues", "_reserved", "_resting", "_stirred", "_watched",
    )  # fmt: skip

    def __init__(
        self,
        *,
        attempts: int = 5,
        backoff: float = 1.0,
        backoff_most: float = 60.0,
        first: int = 1,
        most_jobs: int = 2**63,
        most_bytes: int = 2**63,
        most_queues: int = 2**63,
    ) -> None:
        self._attempts = attempts
        self._backoff = backoff
        self._backoff_most = backoff_most
        self._ids = count(first)
        self._most_jobs = most_jobs
        self._most_bytes = most_bytes
        self._most_queues = most_queues
        self._queues: dict[str, _Queue[Consumer]] = {}
        self._given: dict[int, tuple[Consumer, QueuedJob, bool]] = {}
        self._reserved: dict[Consumer, int] = {}
        self._resting: list[tuple[float, int, QueuedJob]] = []
        self._stirred: dict[str, None] = {}
        self._away: set[Consumer] = set()
        self._watched: dict[Consumer, set[str]] = {}

    def __len__(self) -> int:
        """Count the jobs that are not done."""
        ready = sum(len(queue.ready) for queue in self._queues.values())
        return ready + len(self._given) + len(self._resting)

    @property
    def names(self) -> list[str]:
        """The queues that hold a ready job or have a watcher, sorted."""
        return sorted(self._queues)

    def enqueue(self, queue: str, data: bytes) -> None:
        """Add one job to the end of *queue*.

        Raises:
            QueueFull: it has as many ready jobs, or bytes in them, as it may, or it would be one
                queue too many; nothing was added.
        """
        entry = self._queues.get(queue)
        if entry is None and len(self._queues) >= self._most_queues:
            raise QueueFull(f"no room for the queue {queue!r} beside {len(self._queues)} others")
        jobs, size = (len(entry.ready), entry.size) if entry is not None else (0, 0)
        if jobs >= self._most_jobs or size + len(data) > self._most_bytes:
            raise QueueFull(f"the queue {queue!r} is full, with {jobs} jobs: try later")
        self._append(queue, data)

    def watch(self, consumer: Consumer, queue: str, *, ask: bool) -> None:
        """Let *consumer* take jobs from *queue*, unasked or as many as it reserves."""
        self._at(queue).watchers[consumer] = ask
        self._watched.setdefault(consumer, set()).add(queue)

    def unwatch(self, consumer: Consumer, queue: str) -> None:
        """Give *consumer* no more jobs of *queue*; it need not watch it."""
        watched = self._watched.get(consumer, set())
        if queue in watched:
            watched.remove(queue)
            if not watched:
                del self._watched[consumer]
            del self._queues[queue].watchers[consumer]
            self._tidy(queue)

    def watched(self, consumer: Consumer) -> list[str]:
        """List the queues that *consumer* watches, sorted."""
        return sorted(self._watched.get(consumer, ()))

    def reserve(self, consumer: Consumer, jobs: int = 1) -> None:
        """Let *consumer* have that many more jobs of the queues that it watches and asks for."""
        self.set_reserved(consumer, self._reserved.get(consumer, 0) + jobs)

    def set_reserved(self, consumer: Consumer, jobs: int) -> None:
        """Let *consumer* have just that many more jobs."""
        if jobs > 0:
            self._reserved[consumer] = jobs
        else:
            self._reserved.pop(consumer, None)
        for name, entry in self._queues.items():
            if entry.watchers.get(consumer):
                self._stirred[name] = None

    def assign(self) -> Iterator[tuple[Consumer, QueuedJob, bool]]:
        """Give ready jobs to ready consumers, as many as there are of both.

        Yields:
            Each consumer with its job, and whether it had asked for it.
        """
        while self._stirred:
            name = next(iter(self._stirred))
            del self._stirred[name]
            entry = self._queues.get(name)
            if entry is None:
                continue
            while entry.ready and (consumer := self._next(entry)) is not None:
                yield consumer, *self._give(entry, consumer)
            self._tidy(name)

    def finish(self, consumer: Consumer, job: int, *, ok: bool, now: float) -> None:
        """Take the outcome of a job; one that *consumer* was not given is ignored."""
        holder, given, asked = self._given.get(job, (None, None, False))
        if given is None or holder != consumer:
            return
        del self._given[job]
        entry = self._queues.get(given.queue)
        if entry is not None and not asked:
            entry.busy.discard(consumer)
            self._stirred[given.queue] = None
            self._tidy(given.queue)
        if not ok:
            self._fail(given, now)

    def leave(self, consumer: Consumer, now: float) -> None:
        """Forget *consumer*: the jobs that it was given have failed."""
        for name in self.watched(consumer):
            self.unwatch(consumer, name)
        self._reserved.pop(consumer, None)
        self._away.discard(consumer)
        mine = [job for job, (holder, _, _) in self._given.items() if holder == consumer]
        for job in mine:
            self.finish(consumer, job, ok=False, now=now)

    def set_away(self, consumer: Consumer, *, away: bool) -> None:
        """Give no jobs to a consumer that cannot be reached at the moment."""
        if away:
            self._away.add(consumer)
        else:
            self._away.discard(consumer)
            for name in self.watched(consumer):
                self._stirred[name] = None

    def due(self) -> float | None:
        """Return when the next resting job is ready again."""
        return self._resting[0][0] if self._resting else None

    def wake(self, now: float) -> None:
        """Put jobs whose back-off is over at the head of their queues."""
        woken = []
        while self._resting and self._resting[0][0] <= now:
            woken.append(heapq.heappop(self._resting)[2])
        # Newest first: each goes to the head, and so the oldest ends there.
        for job in sorted(woken, key=lambda job: job.id, reverse=True):
            entry = self._at(job.queue)
            entry.ready.appendleft(job)
            entry.size += len(job.data)

    def _append(self, queue: str, data: bytes) -> None:
        entry = self._at(queue)
        entry.ready.append(QueuedJob(next(self._ids), queue, data))
        entry.size += len(data)

    def _at(self, name: str) -> _Queue[Consumer]:
        self._stirred[name] = None
        return self._queues.setdefault(name, _Queue())

    def _tidy(self, name: str) -> None:
        entry = self._queues[name]
        if not (entry.ready or entry.watchers or entry.busy):
            del self._queues[name]

    def _next(self, entry: _Queue[Consumer]) -> Consumer | None:
        for consumer, asks in entry.watchers.items():
            ready = self._reserved.get(consumer, 0) if asks else consumer not in entry.busy
            if ready and consumer not in self._away:
                return consumer
        return None

    def _give(self, entry: _Queue[Consumer], consumer: Consumer) -> tuple[QueuedJob, bool]:
        job = entry.ready.popleft()
        entry.size -= len(job.data)
        job.attempt += 1
        asked = entry.watchers.pop(consumer)
        entry.watchers[consumer] = asked
        if asked:
            # Behind the others: one that asks for one job at a time has some of each queue.
            self._queues[job.queue] = self._queues.pop(job.queue)
            left = self._reserved[consumer] - 1
            if left:
                self._reserved[consumer] = left
            else:
                del self._reserved[consumer]
        else:
            entry.busy.add(consumer)
        self._given[job.id] = consumer, job, asked
        return job, asked

    def _fail(self, job: QueuedJob, now: float) -> None:
        if job.attempt >= self._attempts and not job.queue.endswith(FAILED):
            self._append(job.queue + FAILED, job.data)  # it has to stay somewhere
            return
        pause = min(self._backoff * 2 ** min(job.attempt - 1, 30), self._backoff_most)
        heapq.heappush(self._resting, (now + pause, job.id, job))
