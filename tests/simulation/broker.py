"""The channel of a world, and who was there when it routed."""

from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred, succeed
from typing_extensions import override

from tests.simulation.clock import Clock
from tests.simulation.journal import NEVER, Attendance, Journal
from tests.simulation.network import ServerEndpoint
from tests.simulation.roles import CHANNEL, Role
from tpush.channel.broker import Broker
from tpush.channel.server import ChannelServer
from tpush.channel.session import Session
from tpush.limits import Limits


class ObservedBroker(Broker):
    """A broker that tells a journal when workers are there, and when not.

    Args:
        journal: is told.
        instance: tells this broker from every other.
        limits: bounds and times.
    """

    def __init__(self, journal: Journal, instance: bytes, limits: Limits) -> None:
        super().__init__(instance, limits, journal.now, limits.settle)
        self._journal = journal
        self._started = journal.now
        self.routes = journal.now + limits.settle
        """When it begins to."""

    @override
    def detach(self, session: Session, now: float) -> None:
        if (attendance := self._attendance(session)) is not None:
            attendance.lost = now
        super().detach(session, now)

    @override
    def leave(self, session: Session, now: float) -> None:
        super().leave(session, now)
        if not session.connected:
            self._journal.forgotten.add(session.peer.name)
        attendance = self._attendance(session)
        if attendance is not None and attendance.here:
            self._journal.note(f"{session.peer.name} is forgotten")
            attendance.here = False
            attendance.unknown = False
            # One that is connected has said bye, or was given up as it took nothing.
            attendance.away = now if session.connected else attendance.lost
            if now < attendance.away + self._limits.linger - 1e-6 and not session.connected:
                self._journal.breach(f"{session.peer.name} was forgotten too soon")

    @override
    def restore(
        self, session: Session, events: Collection[str], queues: Collection[str], jobs: int
    ) -> None:
        super().restore(session, events, queues, jobs)
        attendance, now = self._attendance(session), self._journal.now
        if attendance is None or attendance.here:
            return
        away = attendance.away
        if now > self.routes:
            away = self.routes if away is None else min(away, self.routes)
        if away is not None:
            late = now > self.routes and away != NEVER
            told = self._absences.missed(0) and (late or not attendance.unknown)
            attendance.gaps.append((away, now, told))
            if attendance.away is None:
                self._late(attendance, session)
        attendance.here, attendance.away = True, None

    def died(self) -> None:
        """Be told that the channel is no more."""
        now = self._journal.now
        self._journal.deaths.append(now)
        for attendance in self._journal.attendance.values():
            if not attendance.here and attendance.away is None and now > self.routes:
                attendance.away = self.routes
            attendance.here = False
            attendance.unknown = True

    def _late(self, attendance: Attendance, session: Session) -> None:
        """Check that something kept a worker that was not back before its channel routed."""
        disturbed = self._journal.disturbed
        if self._journal.shared:
            return  # one of two was refused, and had to draw another id
        if max(disturbed.get(role, 0.0) for role in (attendance.role, CHANNEL)) <= self._started:
            self._journal.breach(f"{session.peer.name} was not back in time, and nothing befell it")

    def _attendance(self, session: Session) -> Attendance | None:
        return self._journal.attendance.get(session.peer.name)


class ChannelRole(Role):
    """The channel."""

    broker: ObservedBroker
    server: ChannelServer

    @override
    def begin(self, clock: Clock) -> None:
        around, entropy = self.around, clock.random.randbytes
        self.broker = ObservedBroker(around.journal, entropy(16), around.limits)
        self.server = ChannelServer(self.broker, clock, around.limits, around.secrets, entropy)
        listening = ServerEndpoint(around.network, clock, CHANNEL).listen(self.server)
        self._port: Any = listening.result

    @override
    def end(self) -> Deferred[None]:
        self._port.stopListening()
        self.server.stop()
        return succeed(None)

    @override
    def ended(self) -> None:
        self.broker.died()
