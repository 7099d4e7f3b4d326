"""Programs that use the client library: one that enqueues jobs, and those that do them."""

from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from tests.simulation.clock import Clock
from tests.simulation.journal import Job as JobRecord
from tests.simulation.roles import ConnectedRole
from tpush.errors import TPushError
from tpush.message import FAILED, Job

QUEUE = "jobs"


class ProgramRole(ConnectedRole):
    """A program with nothing but its end of the channel."""

    @override
    def begin(self, clock: Clock) -> None:
        self.channel = self.connect(clock, "client")

    @override
    def end(self) -> Deferred[None]:
        return self.channel.close()


class ProducerRole(ProgramRole):
    """Enqueues jobs."""

    def enqueue(self) -> None:
        """Enqueue one."""
        if self.clock is None or not self.clock.running:
            return
        journal = self.around.journal
        number, job = len(journal.jobs), JobRecord(journal.now)
        journal.jobs.append(job)

        def accepted(_: None) -> None:
            job.enqueued = True
            journal.note(f"job {number} is enqueued")

        def refused(failure: Failure) -> None:
            failure.trap(TPushError)

        try:
            asked = self.channel.enqueue(QUEUE, b"%d" % number)
            _known = asked.addCallbacks(accepted, refused)
        except TPushError:
            journal.note(f"job {number} is refused")


class ConsumerRole(ProgramRole):
    """Does jobs: each takes a while, and some fail."""

    @override
    def begin(self, clock: Clock) -> None:
        super().begin(clock)
        ask = clock.random.random() < 0.5
        for queue in QUEUE, QUEUE + FAILED:
            self.channel.watch(queue, partial(self._work, clock, ask=ask), ask=ask)
        if ask:
            self.channel.reserve()

    async def _work(self, clock: Clock, job: Job, *, ask: bool) -> None:
        journal, random = self.around.journal, clock.random
        number = int(job.data)
        journal.note(f"{clock} begins job {number}, attempt {job.attempt}")
        pause: Deferred[None] = Deferred()
        clock.callLater(0.3 * random.random(), pause.callback, None)
        await pause
        if ask and self.stopping is None:
            self.channel.reserve()
        if random.random() < 0.1:
            raise JobFailed
        journal.jobs[number].done.append(journal.now)
        journal.note(f"{clock} has done job {number}")


class JobFailed(Exception):
    """What a job of these programs raises now and then."""
