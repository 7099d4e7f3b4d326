"""The channel in process: a broker and its programs' ends in one reactor, with no link between."""

import os
from collections.abc import Sequence
from functools import cached_property

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from tpush.channel.broker import Broker
from tpush.channel.driver import Driver
from tpush.channel.end import OUT_OF_TURN, ChannelEnd
from tpush.channel.history import HistoryRule
from tpush.channel.items import (
    Assignment,
    Delivery,
    Missed,
    Recollection,
    Rejection,
    Repeated,
    Routed,
    Synced,
)
from tpush.channel.session import Peer, Session
from tpush.errors import WorkerIDTaken
from tpush.limits import Limits


class LocalBroker:
    """A broker for the roles of one process.

    Args:
        clock: tells the time.
        limits: bounds and times.
        history: what is kept of groups' messages, for those who come back; by default nothing.
    """

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits | None = None,
        history: Sequence[HistoryRule] = (),
    ) -> None:
        self.clock = clock
        self.limits = limits or Limits()
        self.broker = Broker(os.urandom(16), self.limits, clock.seconds(), 0, history)
        self.driver = Driver(self.broker, clock, self._flush)
        self._ends: dict[Session, LocalChannel] = {}
        self._opened = 0

    def channel(self, *, name: str = "") -> "LocalChannel":
        """Return one more program's end."""
        self._opened += 1
        return LocalChannel(self, self._opened.to_bytes(16, "big"), name)

    def attach(self, end: "LocalChannel") -> Session | None:
        """Attach an end, unless it claims an id that is taken: it is told so."""
        peer = Peer(end.key, name=end.name, worker=end.worker)
        try:
            session = self.broker.attach(peer, end.session, end.received)
        except WorkerIDTaken:
            end.id_taken()
            return None
        self._ends[session] = end
        return session

    def leave(self, session: Session) -> None:
        """Forget an end."""
        del self._ends[session]
        self.broker.leave(session, self.clock.seconds())
        if self._ends:
            self.driver.stir()
        else:
            self.driver.stop()

    def _flush(self, session: Session) -> None:
        end = self._ends.get(session)
        if end is not None:
            end.take_in(session)


class LocalChannel(ChannelEnd):
    """One program's end of a channel in the same process.

    Args:
        owner: its broker.
        key: tells the program from every other.
        name: what it is called.
    """

    def __init__(self, owner: LocalBroker, key: bytes, name: str) -> None:
        super().__init__(owner.clock, owner.limits)
        self._key = key
        self.name = name
        self.session: bytes | None = None
        """The token of its session."""
        self._attached = False
        self._owner = owner
        self._session: Session | None = None
        self._turn = owner.clock.callLater(0, self._hand_over)

    @cached_property
    @override
    def key(self) -> bytes:
        return self._key

    @property
    @override
    def connected(self) -> bool:
        return True

    @override
    def stirred(self) -> None:
        if not self._turn.active():
            self._turn = self.clock.callLater(0, self._hand_over)

    @override
    def claimed(self) -> None:
        self._attached = False
        self.stirred()

    @override
    def leave(self) -> Deferred[None]:
        if self._turn.active():
            self._turn.cancel()
        if self._session is not None:
            # What it has had is not for another.
            self._owner.broker.acknowledge(self._session, self.received)
            self._owner.leave(self._session)
        return succeed(None)

    def take_in(self, session: Session) -> None:
        """Take what the broker holds for this end."""
        batch = session.outbox.take(self.limits.batch_items, self.limits.batch_bytes)
        for number, item in batch:
            match item:
                case Delivery(origin, sequence, message):
                    self.delivered(number, origin, OUT_OF_TURN if item.one else sequence, message)
                case Assignment():
                    self.assigned(number, self._owner.broker.instance, item)
                case Rejection(request, code, reason):
                    self.rejected(number, request, code, reason)
                case Routed(ticket, workers):
                    self.routed(number, ticket, workers)
                case Synced(request):
                    self.synced(number, request)
                case Recollection():
                    self.recalled(number, item)
                case Repeated(ticket, receipt):
                    self.repeated(number, ticket, receipt)
                case Missed():
                    self.missed(number)
        self._owner.broker.acknowledge(session, self.received)
        self.acknowledged(session.ledger.acknowledged)
        if session.outbox.waiting:
            self._owner.broker.changed(session)
        self._owner.driver.stir()

    def _hand_over(self) -> None:
        session, broker = self._attach(), self._owner.broker
        if session is None:
            if not self._turn.active():
                self._turn = self.clock.callLater(self.limits.reconnect_first, self._hand_over)
            return
        changes = self.take_changes()
        broker.subscribe(session, changes.subscribe)
        broker.unsubscribe(session, changes.unsubscribe)
        broker.watch(session, changes.watch)
        broker.unwatch(session, changes.unwatch)
        broker.reserve(session, changes.reserve)
        for number, request in self.outbox.take(len(self.outbox), self.limits.held_bytes + 1):
            broker.accept(session, number, request, self.clock.seconds())
        if self.outbox.waiting:
            self.stirred()
        self._owner.driver.stir()

    def _attach(self) -> Session | None:
        """Attach, if it is not as whom the program claims to be; return its session."""
        if not self._attached:
            session = self._owner.attach(self)
            if session is None:
                return None
            self._session = session
            self.session = session.token
            self._attached = True
        return self._session
