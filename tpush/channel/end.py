"""A program's end of a channel, less what carries it.

Everything that the in-process and the AMP channel have in common: what was asked for, what is held
until it is acknowledged, what was seen. A carrier is told by :meth:`ChannelEnd.stirred` that there
is something to take (:meth:`ChannelEnd.take_changes`, and the outbox), and hands in what arrives.
"""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, TimeoutError, fail, succeed
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from tpush.background import background
from tpush.channel.callbacks import Callbacks
from tpush.channel.changes import Changes, Touched
from tpush.channel.inbox import Seen
from tpush.channel.items import Assignment, Finish, Mark, Recall, Recollection, Sync
from tpush.channel.publishing import Publishing
from tpush.channel.questions import Questions
from tpush.errors import ChannelClosed, TooManySubscriptions
from tpush.limits import Limits
from tpush.message import Job, Message, WorkerID, check_name, check_queue
from tpush.recalled import Place, Recalled, check_places

OUT_OF_TURN = 0
"""The sequence of a message for one subscriber: it may have been another's before."""


class ChannelEnd(Publishing):
    """Keeps a program's side of the contract.

    Args:
        clock: tells the time.
        limits: bounds and times.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        super().__init__(clock, limits)
        self.callbacks = Callbacks()
        self.reserved = 0
        """Jobs that were asked for and have not come."""
        self._taken: Callable[[], None] | None = None
        self._missed: Callable[[], None] | None = None
        self._touched = Touched()
        self._seen = Seen(limits.remember, clock.seconds())
        self._questions = Questions()
        self._working: dict[str, int] = {}
        """Jobs in progress that came unasked, by queue."""

    # For the carrier.

    @property
    def leaving(self) -> bool:
        """Whether the program has closed this end."""
        return self._left

    def claimed(self) -> None:
        """Be told that the program claims another worker id."""
        raise NotImplementedError

    def leave(self) -> Deferred[None]:
        """Leave the broker; fires when that is done."""
        raise NotImplementedError

    @property
    def changed(self) -> bool:
        """Whether anything was asked for since :meth:`take_changes` was called last."""
        return bool(self._touched)

    def take_changes(self) -> Changes:
        """Take what was asked for since the last call."""
        return self._touched.take(self.callbacks)

    def take_all(self, *, resumed: bool) -> Changes:
        """Take all that this program has, for a broker that may know nothing of it.

        Args:
            resumed: the broker knows which jobs are in progress here; one that does not is told of
                their queues when they are done.
        """
        self.take_changes()
        watches = [
            (queue, ask)
            for queue, (_, ask) in self.callbacks.queues.items()
            if resumed or queue not in self._working
        ]
        return Changes(list(self.callbacks.events), [], watches, [], self.reserved)

    def delivered(self, number: int, origin: bytes, sequence: int, message: Message) -> None:
        """Take one message from the broker; one that was seen goes no further."""
        if self._left:  # and it was not acknowledged: another may be given it
            return
        self.received = number
        if sequence == OUT_OF_TURN or self._seen.new(origin, sequence, self.clock.seconds()):
            heard = self.callbacks.deliver(message)
            if not heard and message.ticket is not None and self.worker is not None:
                self._tell_of_nobody(message.ticket)

    def assigned(self, number: int, broker: bytes, assignment: Assignment) -> None:
        """Take one job from the broker; one that was seen goes no further."""
        if self._left:  # as above
            return
        self.received = number
        if not self._seen.new(broker, assignment.number, self.clock.seconds()):
            return
        job = Job(assignment.queue, assignment.data, assignment.attempt)
        if assignment.asked:
            self.reserved -= 1
        else:
            self._working[job.queue] = self._working.get(job.queue, 0) + 1
        background(self._work(job, assignment), self.log, f"a job of {job.queue!r}")

    def synced(self, number: int, request: int) -> None:
        """Take from the broker that all that was asked for before a request is in effect."""
        self.received = number
        self._questions.answer(request)

    def recalled(self, number: int, item: Recollection) -> None:
        """Take from the broker what was published to one event before: all of it counts as seen."""
        self.received = number
        for origin, sequence in item.names:
            self._seen.new(origin, sequence, self.clock.seconds())
        self._questions.tell(item.number, item.index, item.recalled)

    def missed(self, number: int) -> None:
        """Be told by the broker that it has routed without this program."""
        self.received = number
        self.log.warn("back too late: what was published meanwhile has not come")
        self._call(self._missed, "what was missed")

    def id_taken(self) -> None:
        """Be told that another worker has the id that was claimed."""
        self._call(self._taken, "a worker id that is taken")

    # IChannel.

    @override
    def claim(
        self,
        worker: WorkerID,
        taken: Callable[[], None],
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        self._check_open()
        before, self.worker = self.worker, worker
        self._taken, self._missed = taken, missed
        if before != worker:
            self.claimed()

    @override
    def subscribe(self, event: str, callback: Callable[[Message], object]) -> None:
        self._check_open()
        if check_name(event) not in self.callbacks.events and (
            len(self.callbacks.events) >= self.limits.subscriptions
        ):
            raise TooManySubscriptions(f"{self.limits.subscriptions} subscriptions, the most")
        self.callbacks.events[event] = callback
        self._touched.event(event)
        self._stir()

    @override
    def unsubscribe(self, event: str) -> None:
        if self.callbacks.events.pop(event, None) is not None:
            self._touched.event(event)
            self._stir()

    @override
    def obey(self, callback: Callable[[Message], object]) -> None:
        self.callbacks.order = callback

    @override
    def watch(self, queue: str, callback: Callable[[Job], object], *, ask: bool = False) -> None:
        self._check_open()
        if check_queue(queue) not in self.callbacks.queues and (
            len(self.callbacks.queues) >= self.limits.subscriptions
        ):
            raise TooManySubscriptions(f"{self.limits.subscriptions} watches, the most")
        self.callbacks.queues[queue] = callback, bool(ask)
        self._touched.queue(queue)
        self._stir()

    @override
    def unwatch(self, queue: str) -> None:
        if self.callbacks.queues.pop(queue, None) is not None:
            self._touched.queue(queue)
            self._stir()

    @override
    def reserve(self) -> None:
        self._check_open()
        self.reserved += 1
        self._touched.reserve()
        self._stir()

    @override
    def settled(self) -> Deferred[None]:
        return self._ask(Sync(), 0).addCallback(lambda _: None)

    @override
    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        return self._ask(Recall(check_places(places), most), len(places))

    @override
    def close(self) -> Deferred[None]:
        if self._closing is None:
            held = self.flush() if len(self.outbox) else succeed(None)
            # Before it begins: who waited for a receipt may publish when that is given up.
            self._closing = Deferred()
            closed = Deferred.fromCoroutine(self._close(held))
            _chained = closed.chainDeferred(self._closing)
        return self._closing

    async def _close(self, held: Deferred[None]) -> None:
        try:
            await held.addTimeout(self.limits.stop_wait, self.clock)
        except TimeoutError:
            lost = sum(not isinstance(request, Mark) for request in self.outbox)
            if lost:
                self.log.warn("{lost} requests were never acknowledged", lost=lost)
        self._receipts.give_up_all()
        self._left = True  # what is asked for from now on concerns nobody
        await self.leave()
        closed = ChannelClosed("the channel was closed before it was acknowledged")
        for waiter in self._waiters.values():
            waiter.errback(closed)
        self._waiters.clear()
        self._questions.fail(closed)

    def _ask(self, question: Sync | Recall, places: int) -> Deferred[Sequence[Recalled]]:
        if self._closing is not None:
            return fail(ChannelClosed("the channel was closed"))
        # Unbounded: whoever asks waits for an answer before he asks again.
        answer = self._questions.ask(self.outbox.append(question, bounded=False), places)
        self._stir()
        return answer

    def _call(self, callback: Callable[[], None] | None, what: str) -> None:
        if callback is None or self._closing is not None:
            return
        try:
            callback()
        except Exception:  # noqa: BLE001 - whatever the program's callback raises is its own
            self.log.failure("failed: the callback for {what}", what=what)

    async def _work(self, job: Job, assignment: Assignment) -> None:
        ok = await self.callbacks.run(job)
        if not assignment.asked:
            self._working[job.queue] -= 1
            if not self._working[job.queue]:
                del self._working[job.queue]
                self._touched.queue(job.queue)
        # Unbounded: it answers what the broker sent, and what was sent is bounded.
        self.outbox.append(Finish(assignment.job, ok), bounded=False)
        self._stir()
