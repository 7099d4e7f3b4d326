"""What the channel does with what its peers send: the whole of it, without a link or a clock.

Every way in, the AMP server and the in-process channel, drives one :class:`Broker`: it attaches
peers, hands in what they sent, and asks which sessions have something to be sent
(:meth:`Broker.take_changed`). The broker joins the pure parts: the hub says who gets a message,
the queues who does a job, each session's outbox keeps what was sent until it is acknowledged, and
each session's ledger tells a publisher how far its messages have been acknowledged.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from tpush.channel.absences import Absences
from tpush.channel.announcer import Announcer, choose
from tpush.channel.history import History, HistoryRule
from tpush.channel.hub import Hub
from tpush.channel.inbox import Pending
from tpush.channel.items import (
    QUEUE_FULL,
    Answer,
    Assignment,
    Delivery,
    Enqueue,
    Finish,
    Missed,
    Publish,
    Recall,
    Recollection,
    Rejection,
    Repeated,
    Request,
    Routed,
    Sync,
    Synced,
)
from tpush.channel.keys import Keys
from tpush.channel.queues import Queues
from tpush.channel.session import Peer, Session
from tpush.errors import QueueFull, WorkerIDTaken
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.metrics import ChannelMetrics
from tpush.receipt import Ticket

ID_BYTES = 9
"""The most that a worker id has on the wire: of a large cluster they fill a box."""

EPOCH_BYTES = 6
"""Of a broker's instance, which make the epoch of its history."""

RECEIPT_BYTES = 100
"""The most that a receipt has on the wire, its ticket included."""


class Broker:
    """Routes what sessions send to the sessions that it is for.

    Args:
        instance: tells this broker from every other, 16 random bytes.
        limits: bounds and times.
        now: the time at the start.
        settle: seconds from now that publishes are held, until workers are back.
        history: what is kept of groups' messages, for those who come back; by default nothing.
    """

    def __init__(
        self,
        instance: bytes,
        limits: Limits,
        now: float,
        settle: float,
        history: Sequence[HistoryRule] = (),
    ) -> None:
        self.instance = instance
        self.metrics = ChannelMetrics()
        self._limits = limits
        self._ready = now + settle
        self._sessions: dict[bytes, Session] = {}
        self._workers: dict[WorkerID, Session] = {}
        self._lingering: dict[Session, float] = {}
        self._hub: Hub[Session] = Hub()
        self._queues: Queues[Session] = Queues(
            attempts=limits.job_attempts,
            backoff=limits.job_backoff,
            backoff_most=limits.job_backoff_most,
            # A job of a broker before this one must not pass for one of ours.
            first=int.from_bytes(instance[:6], "big") + 1,
            most_jobs=limits.queue_jobs,
            most_bytes=limits.queue_bytes,
            most_queues=limits.queues,
        )
        self._keys: Keys[tuple[Session, Ticket]] = Keys(limits.keys, limits.key_seconds)
        self._announcer = Announcer(instance, self._hub, self._deliver)
        self._history = History(instance[:EPOCH_BYTES].hex(), history, limits)
        self._absences = Absences()
        self._assigned = 0
        self._opened = 0
        self._held: deque[tuple[Session, Pending, Request]] = deque()
        self._changed: dict[Session, None] = {}

    @property
    def sessions(self) -> Sequence[Session]:
        """All sessions, lingering ones too."""
        return list(self._sessions.values())

    def knows(self, peer: Peer) -> bool:
        """Say whether this program has a session."""
        return peer.key in self._sessions

    def attach(
        self, peer: Peer, known: bytes | None = None, acknowledged: int = 0, sent: int = 0
    ) -> Session:
        """Take a peer in whose link has just been made.

        Args:
            peer: who it says it is.
            known: the token of the session that it had last.
            acknowledged: the last number that it has had of that session.
            sent: the highest number that it has sent, over any link.

        Returns:
            Its session: the one that it had where it comes back in time.

        Raises:
            ValueError: it acknowledges what was never sent to it.
            WorkerIDTaken: another program has the worker id that it claims.
        """
        if peer.worker is not None:
            holder = self._workers.get(peer.worker)
            if holder is not None and holder.peer.key != peer.key:
                raise WorkerIDTaken(f"worker id {peer.worker} is taken: draw another")
        session = self._sessions.get(peer.key)
        if session is None:
            self._opened += 1
            token = self.instance + self._opened.to_bytes(8, "big")
            session = self._sessions[peer.key] = Session(peer, token)
            if known is not None:
                session.had = self._absences.had(known)
                if not known.startswith(self.instance):
                    session.elsewhere = sent
        else:
            # One that it never heard of, as the welcome was lost, it has had nothing of.
            self._rejoin(session, peer, acknowledged if known == session.token else 0)
        if peer.worker is not None:
            self._workers[peer.worker] = session
        self._changed[session] = None
        return session

    def detach(self, session: Session, now: float) -> None:
        """Keep what a session whose link was lost has, for the time it may take to come back."""
        session.connected = False
        self._queues.set_away(session, away=True)
        self._lingering[session] = now + self._limits.linger

    def leave(self, session: Session, now: float) -> None:
        """Forget a session: what was for it and for one goes to another, the rest to nobody."""
        if self._sessions.get(session.peer.key) is not session:
            return
        del self._sessions[session.peer.key]
        self._release_worker(session)
        self._lingering.pop(session, None)
        self._changed.pop(session, None)
        vacated = self._hub.leave(session)
        self._queues.leave(session, now)
        for item in session.outbox.clear():
            if isinstance(item, Delivery):
                if item.one:
                    self._deliver_to_one(item)
                self._settle(item.origin, item.pending)
        self._assign()
        self._announcer.vacated(vacated)
        if session.peer.worker is not None and self._announcer.gone(session.peer.worker):
            self._absences.routed()

    def subscribe(self, session: Session, events: Iterable[str]) -> None:
        """Add subscriptions."""
        self._announcer.occupied([event for event in events if self._hub.subscribe(session, event)])

    def subscriptions(self, session: Session) -> int:
        """Count the subscriptions of a session."""
        return self._hub.count(session)

    def unsubscribe(self, session: Session, events: Iterable[str]) -> None:
        """Take subscriptions back."""
        self._announcer.vacated([
            event for event in events if self._hub.unsubscribe(session, event)
        ])

    def watch(self, session: Session, queues: Iterable[tuple[str, bool]]) -> None:
        """Watch queues, each with whether it asks for its jobs."""
        for queue, ask in queues:
            self._queues.watch(session, queue, ask=ask)
        self._assign()

    def watches(self, session: Session) -> int:
        """Count the queues that a session watches."""
        return len(self._queues.watched(session))

    def unwatch(self, session: Session, queues: Iterable[str]) -> None:
        """Watch queues no more."""
        for queue in queues:
            self._queues.unwatch(session, queue)

    def reserve(self, session: Session, jobs: int) -> None:
        """Be ready for that many more jobs."""
        if jobs:
            self._queues.reserve(session, jobs)
            self._assign()

    def restore(
        self, session: Session, events: Collection[str], queues: Collection[str], jobs: int
    ) -> None:
        """Leave a session that came back just these subscriptions, watches and reserved jobs.

        One that takes the place of another is told where something was routed between them.
        """
        self.unsubscribe(session, set(self._hub.events(session)).difference(events))
        self.unwatch(session, set(self._queues.watched(session)).difference(queues))
        on_the_way = (isinstance(item, Assignment) and item.asked for item in session.outbox)
        self._queues.set_reserved(session, jobs - sum(on_the_way))
        if session.had is not None and events and self._absences.missed(session.had):
            self.metrics.missed += 1
            self._tell(session, Missed(), 0)
        session.had, session.restored = None, True
        self._assign()

    def accept(self, session: Session, number: int, request: Request, now: float) -> None:
        """Take one numbered request; one that was taken before is passed over.

        Raises:
            ProtocolViolation: a number before it is missing.
        """
        pending = session.ledger.accept(number)
        if pending is None:
            return
        if now < self._ready or self._held:
            self._held.append((session, pending, request))
        else:
            self._carry_out(session, pending, request, now)

    def acknowledge(self, session: Session, number: int) -> None:
        """Let go of what *session* says it has had.

        Raises:
            ValueError: *number* was never sent to it.
        """
        for item in session.outbox.acknowledge(number):
            match item:
                case Delivery(origin):
                    self._settle(origin, item.pending)
                case Rejection() | Synced():
                    self._settle(session.peer.key, item.pending)

    def changed(self, session: Session) -> None:
        """Let *session* be among the next to be taken: it could not send all it has."""
        self._changed[session] = None

    def take_changed(self) -> list[Session]:
        """Return the sessions that have something to be sent: items, or an acknowledgement."""
        changed = list(self._changed)
        self._changed.clear()
        return changed

    def due(self) -> float | None:
        """Return when :meth:`tick` has something to do next."""
        times = list(self._lingering.values())
        if (waking := self._queues.due()) is not None:
            times.append(waking)
        if (forgetting := self._history.due()) is not None:
            times.append(forgetting)
        if self._held:
            times.append(self._ready)
        return min(times, default=None)

    def tick(self, now: float) -> None:
        """Do what is due: end the settling, forget the lost and the old, wake resting jobs."""
        for session in [session for session, time in self._lingering.items() if time <= now]:
            if session.restored and not session.outbox:
                self._absences.forgotten(session.token)
            self.leave(session, now)
        while self._held and now >= self._ready:
            self._carry_out(*self._held.popleft(), now)
        self._history.forget(now)
        self._queues.wake(now)
        self._assign()

    def _rejoin(self, session: Session, peer: Peer, acknowledged: int) -> None:
        self.acknowledge(session, acknowledged)
        session.outbox.rewind()
        self._release_worker(session)
        session.peer = peer
        session.connected = True
        self._queues.set_away(session, away=False)
        self._lingering.pop(session, None)

    def _release_worker(self, session: Session) -> None:
        if session.peer.worker is not None:
            self._workers.pop(session.peer.worker, None)

    def _carry_out(self, session: Session, pending: Pending, request: Request, now: float) -> None:
        match request:
            case Publish():
                if not self._is_repeated(session, request, now):
                    self._publish(session, pending, request, now)
            case Answer(key, receipt):
                for waiter, ticket in self._keys.answer(key, session.peer.key, receipt):
                    self._tell(waiter, Repeated(ticket, receipt), RECEIPT_BYTES)
            case Sync():
                self._answer_at_once(session, pending)
            case Recall():
                self._recall(session, pending, request, now)
            case Enqueue(queue, data):
                try:
                    self._queues.enqueue(queue, data)
                except QueueFull as full:
                    self._reject(session, pending, QUEUE_FULL, str(full))
                self._assign()
            case Finish(job, ok):
                self._queues.finish(session, job, ok=ok, now=now)
                self._assign()
        self._settle(session.peer.key, pending)

    def _is_repeated(self, session: Session, publish: Publish, now: float) -> bool:
        """Say whether a publish was had before; its publisher is told what became of that."""
        if not publish.key:
            return False
        ticket = publish.message.ticket
        known = self._keys.take(publish.key, session.peer.key, now, asked=ticket is not None)
        if known is None:
            return False
        self.metrics.repeated += 1
        if ticket is not None and not known.ask((session, ticket)):
            self._tell(session, Repeated(ticket, known.receipt), RECEIPT_BYTES)
        return True

    def _publish(self, session: Session, pending: Pending, publish: Publish, now: float) -> None:
        message = publish.message
        self._absences.routed()
        if publish.one:
            delivery = Delivery(session.peer.key, pending.number, message, pending, one=True)
            self._deliver_to_one(delivery)
            return
        if pending.number <= session.elsewhere:
            self._history.pass_over(message)
        elif not message.order:
            message = self._history.keep(message, (session.peer.key, pending.number), now)
        delivery = Delivery(session.peer.key, pending.number, message, pending)
        subscribers = self._hub.subscribers(message.event)
        if message.also:
            events = (event for event, _ in message.targets)
            subscribers = dict.fromkeys(chain.from_iterable(map(self._hub.subscribers, events)))
        for subscriber in subscribers:
            self._deliver(subscriber, delivery)
        if message.ticket is not None:
            workers = [it.peer.worker for it in subscribers if it.peer.worker is not None]
            size = len(message.ticket) + ID_BYTES * len(workers)
            self._tell(session, Routed(message.ticket, workers), size)

    def _deliver(self, session: Session, delivery: Delivery) -> None:
        delivery.pending.waiting += 1
        session.outbox.append(delivery, delivery.message.size)
        self._changed[session] = None

    def _deliver_to_one(self, delivery: Delivery) -> None:
        chosen = choose(self._hub, delivery.message.event)
        if chosen is not None:
            self._deliver(chosen, delivery)

    def _recall(self, session: Session, pending: Pending, request: Recall, now: float) -> None:
        for index, (event, since) in enumerate(request.places):
            recalled, names = self._history.recall(event, since, request.most, now)
            self.metrics.recalled += len(recalled.messages)
            size = sum(message.size for message in recalled.messages)
            self._tell(session, Recollection(pending.number, index, recalled, names), size)
        self._answer_at_once(session, pending)

    def _tell(
        self, session: Session, item: Routed | Repeated | Recollection | Missed, size: int
    ) -> None:
        if self._sessions.get(session.peer.key) is session:
            session.outbox.append(item, size)
            self._changed[session] = None

    def _reject(self, session: Session, pending: Pending, code: str, reason: str) -> None:
        self.metrics.queue_full += 1
        if self._sessions.get(session.peer.key) is session:
            pending.waiting += 1
            session.outbox.append(Rejection(pending.number, code, reason, pending))
            self._changed[session] = None

    def _answer_at_once(self, session: Session, pending: Pending) -> None:
        if self._sessions.get(session.peer.key) is session:
            pending.waiting += 1
            session.outbox.append(Synced(pending.number, pending))
            self._changed[session] = None

    def _settle(self, publisher: bytes, pending: Pending) -> None:
        if pending.settle() and (session := self._sessions.get(publisher)) is not None:
            self._changed[session] = None

    def _assign(self) -> None:
        for session, job, asked in self._queues.assign():
            self._assigned += 1
            item = Assignment(self._assigned, job.id, job.queue, job.attempt, job.data, asked)
            session.outbox.append(item, len(job.data))
            self._changed[session] = None
