"""A program's end of a channel, less what carries it.

Everything that the in-process and the AMP channel have in common: what was asked for, what is held
until it is acknowledged, what was seen. A carrier is told by :meth:`ChannelEnd.stirred` that there
is something to take (:meth:`ChannelEnd.take_changes`, and the outbox), and hands in what arrives.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import count
from typing import Literal, overload

from twisted.internet.defer import Deferred, TimeoutError, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from tpush.background import background
from tpush.channel import codec
from tpush.channel.awaited import AwaitedReceipts
from tpush.channel.callbacks import Callbacks
from tpush.channel.changes import Changes, Touched
from tpush.channel.inbox import Seen
from tpush.channel.items import (
    QUEUE_FULL,
    Answer,
    Assignment,
    Enqueue,
    Finish,
    Mark,
    Publish,
    Recall,
    Recollection,
    Request,
    Sync,
)
from tpush.channel.outbox import Outbox
from tpush.channel.questions import Questions
from tpush.errors import (
    ChannelClosed,
    ProtocolViolation,
    QueueFull,
    TooLarge,
    TooManySubscriptions,
    TPushError,
)
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import (
    ConnectionID,
    Job,
    Message,
    Target,
    WorkerID,
    check_connection,
    check_json,
    check_name,
    check_queue,
    check_targets,
    check_text,
    encode,
)
from tpush.recalled import Place, Recalled
from tpush.receipt import Counts, Receipt, Ticket

KEY_BYTES = 16

OUT_OF_TURN = 0
"""The sequence of a message for one subscriber: it may have been another's before."""


def _inbox(ticket: Ticket) -> str:
    """Return the event that the publisher of a message listens to for receipts."""
    return f"inbox/{ticket[:KEY_BYTES].hex()}"


def _with_targets(message: Message, also: Sequence[Target], but: Sequence[Target]) -> Message:
    check_targets(also, but)
    return message._replace(also=tuple(also), but=tuple(but))


class ChannelEnd(IChannel):
    """Keeps a program's side of the contract.

    Args:
        clock: tells the time.
        limits: bounds and times.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self.clock = clock
        self.limits = limits
        self.outbox: Outbox[Request] = Outbox(items=limits.held_items, size=limits.held_bytes)
        self.callbacks = Callbacks()
        self.received = 0
        """The number of the last delivery from the broker."""
        self.reserved = 0
        """Jobs that were asked for and have not come."""
        self.worker: WorkerID | None = None
        self._taken: Callable[[], None] | None = None
        self._touched = Touched()
        self._seen = Seen(limits.remember, clock.seconds())
        self._waiters: dict[int, Deferred[None]] = {}
        """By the number of their request, which only grows."""
        self._questions = Questions()
        self._closing: Deferred[None] | None = None
        self._left = False
        self._working: dict[str, int] = {}
        """Jobs in progress that came unasked, by queue."""
        self._receipts = AwaitedReceipts(clock, limits)
        self._tickets = count(1)

    # For the carrier.

    @cached_property
    def key(self) -> bytes:
        """What tells this program from every other."""
        raise NotImplementedError

    @property
    def leaving(self) -> bool:
        """Whether the program has closed this end."""
        return self._left

    def stirred(self) -> None:
        """Be told that there is something to take."""
        raise NotImplementedError

    def claimed(self) -> None:
        """Be told that the program claims another worker id."""
        raise NotImplementedError

    def leave(self) -> Deferred[None]:
        """Leave the broker; fires when that is done."""
        raise NotImplementedError

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

    def acknowledged(self, number: int) -> None:
        """Take an acknowledgement of the broker.

        Raises:
            ValueError: *number* was never sent.
        """
        self.outbox.acknowledge(number)
        while self._waiters and (first := next(iter(self._waiters))) <= number:
            self._waiters.pop(first).callback(None)

    def delivered(self, number: int, origin: bytes, sequence: int, message: Message) -> None:
        """Take one message from the broker; one that was seen goes no further."""
        self.received = number
        if sequence == OUT_OF_TURN or self._seen.new(origin, sequence, self.clock.seconds()):
            heard = self.callbacks.deliver(message)
            if not heard and message.ticket is not None and self.worker is not None:
                self._tell_of_nobody(message.ticket)
        elif message.positions:
            self.callbacks.place(message)

    def assigned(self, number: int, broker: bytes, assignment: Assignment) -> None:
        """Take one job from the broker; one that was seen goes no further."""
        self.received = number
        if not self._seen.new(broker, assignment.number, self.clock.seconds()):
            return
        job = Job(assignment.queue, assignment.data, assignment.attempt)
        if assignment.asked:
            self.reserved -= 1
        else:
            self._working[job.queue] = self._working.get(job.queue, 0) + 1
        background(self._work(job, assignment), self.log, f"a job of {job.queue!r}")

    def rejected(self, number: int, request: int, code: str, reason: str) -> None:
        """Take from the broker that one request was not carried out."""
        self.received = number
        waiter = self._waiters.pop(request, None)
        if waiter is not None:
            waiter.errback(QueueFull(reason) if code == QUEUE_FULL else TPushError(reason))

    def routed(self, number: int, ticket: Ticket, workers: Sequence[WorkerID]) -> None:
        """Take from the broker which workers a message went to."""
        self.received = number
        self._receipts.expect(ticket, workers)

    def synced(self, number: int, request: int) -> None:
        """Take from the broker that all that was asked for before a request is in effect."""
        self.received = number
        self._questions.answer(request)

    def recalled(self, number: int, item: Recollection) -> None:
        """Take from the broker what was published to one event before: it counts as seen."""
        self.received = number
        for origin, sequence in item.names:
            self._seen.new(origin, sequence, self.clock.seconds())
        self._questions.tell(item.number, item.index, item.recalled)

    def repeated(self, number: int, ticket: Ticket, receipt: Receipt | None) -> None:
        """Take from the broker what became of a message that was published before."""
        self.received = number
        self._receipts.settle(ticket, receipt or Receipt(Counts(), 0, None))

    def id_taken(self) -> None:
        """Be told that another worker has the id that was claimed."""
        if self._taken is None or self._closing is not None:
            return
        try:
            self._taken()
        except Exception:  # noqa: BLE001 - whatever the program's callback raises is its own
            self.log.failure("failed: the callback for a worker id that is taken")

    # IChannel.

    @override
    def claim(self, worker: WorkerID, taken: Callable[[], None]) -> None:
        self._check_open()
        before, self.worker = self.worker, worker
        self._taken = taken
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

    @overload
    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: Literal[False] = False,
    ) -> None: ...

    @overload
    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: Literal[True],
    ) -> Deferred[Receipt]: ...

    @override
    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: bool = False,
    ) -> Deferred[Receipt] | None:
        message = self._message(event, data, text=text, connection=check_connection(connection))
        if also or but:
            message = _with_targets(message, also, but)
        if json:
            check_json(message.data)
            message = message._replace(text=True, json=True)
        if key:
            check_name(key)
        if not receipt:
            self._hold(Publish(message, False, key))  # noqa: FBT003 - half of what names cost
            return None
        ticket = self._ticket()
        request = Publish(message._replace(ticket=ticket), key=key)
        waiting = self._receipts.request(ticket, lambda: self._hold(request))
        return waiting.addCallback(self._answer, key) if key else waiting

    @override
    def order(
        self,
        event: str,
        order: bytes,
        *,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
    ) -> Deferred[Receipt]:
        message = self._message(event, order, text=True, connection=check_connection(connection))
        ticket = self._ticket()
        request = Publish(_with_targets(message, also, but)._replace(ticket=ticket, order=True))
        return self._receipts.request(ticket, lambda: self._hold(request))

    @override
    def obey(self, callback: Callable[[Message], object]) -> None:
        self.callbacks.order = callback

    @override
    def placed_anew(self, callback: Callable[[Message], object]) -> None:
        self.callbacks.placed_anew = callback

    @override
    def report(self, ticket: Ticket, counts: Counts, reply: bytes = b"") -> None:
        if self.worker is None:
            raise ValueError("a program without a worker id has nothing to report")
        told = codec.pack_counts(ticket, self.worker, counts, reply)
        self._hold(Publish(Message(_inbox(ticket), told, text=False)))

    @override
    def publish_one(self, event: str, data: str | bytes, *, text: bool = False) -> None:
        self._hold(Publish(self._message(event, data, text=text), one=True))

    @override
    def enqueue(self, queue: str, data: str | bytes) -> Deferred[None]:
        return self._acknowledgement(self._hold(Enqueue(check_queue(queue), self._content(data))))

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
    def flush(self) -> Deferred[None]:
        self._check_open()
        number = self.outbox.append(Mark(), bounded=False)
        self._stir()
        return self._acknowledgement(number)

    @override
    def settled(self) -> Deferred[None]:
        return self._ask(Sync(), 0).addCallback(lambda _: None)

    @override
    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        return self._ask(Recall(places, most), len(places))

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
            self.log.warn("{lost} requests were never acknowledged", lost=lost)
        self._receipts.give_up_all()
        self._left = True  # what is asked for from now on concerns nobody
        await self.leave()
        closed = ChannelClosed("the channel was closed before it was acknowledged")
        for waiter in self._waiters.values():
            waiter.errback(closed)
        self._waiters.clear()
        self._questions.fail(closed)

    def _stir(self) -> None:
        if not self._left:
            self.stirred()

    def _message(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool,
        connection: ConnectionID | None = None,
    ) -> Message:
        content = self._content(data)
        if isinstance(data, str):
            text = True
        elif text:
            check_text(content)
        return Message(check_name(event), content, bool(text), connection)

    def _ticket(self) -> Ticket:
        ticket = Ticket(self.key + next(self._tickets).to_bytes(8, "big"))
        inbox = _inbox(ticket)
        if inbox not in self.callbacks.events:
            self.subscribe(inbox, self._told)
        return ticket

    def _tell_of_nobody(self, ticket: Ticket) -> None:
        """Report a message that was on its way when the last who it was for had left."""
        try:
            self.report(ticket, Counts())
        except TPushError as error:
            self.log.warn("a receipt is lost: {error}", error=error)

    def _answer(self, receipt: Receipt, key: str) -> Receipt:
        """Let the broker know what became of a message, for whoever publishes it again."""
        # Unbounded: no more of them than receipts that are waited for.
        self.outbox.append(Answer(key, receipt), bounded=False)
        self._stir()
        return receipt

    def _told(self, message: Message) -> None:
        try:
            told = codec.unpack_counts(message.data)
        except ProtocolViolation as violation:
            self.log.warn("no receipt: {reason!r}", reason=str(violation))
        else:
            self._receipts.tell(*told)

    def _hold(self, request: Publish | Enqueue) -> int:
        self._check_open()
        size = request.message.size if isinstance(request, Publish) else len(request.data)
        number = self.outbox.append(request, size)
        self._stir()
        return number

    def _ask(self, question: Sync | Recall, places: int) -> Deferred[Sequence[Recalled]]:
        if self._closing is not None:
            return fail(ChannelClosed("the channel was closed"))
        # Unbounded: whoever asks waits for an answer before he asks again.
        answer = self._questions.ask(self.outbox.append(question, bounded=False), places)
        self._stir()
        return answer

    def _acknowledgement(self, number: int) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._waiters[number] = waiter
        return waiter

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

    def _content(self, data: str | bytes) -> bytes:
        content = encode(data)
        if len(content) > self.limits.content:
            raise TooLarge(f"{len(content)} bytes; at most {self.limits.content} can be published")
        return content

    def _check_open(self) -> None:
        if self._closing is not None:
            raise ChannelClosed("the channel was closed")
