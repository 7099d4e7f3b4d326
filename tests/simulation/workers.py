"""The workers of a world: pushers, with real WebSocket connections."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from typing_extensions import override

from tests.simulation.clock import Clock
from tests.simulation.journal import Attendance
from tests.simulation.network import ServerEndpoint
from tests.simulation.roles import ConnectedRole
from tpush.pusher.service import PusherService


class WorkerRole(ConnectedRole):
    """A pusher of one worker."""

    service: PusherService
    like: "WorkerRole | None" = None
    """Its next process draws the id that this one has: by chance once in 9,000,000,000,000,000."""

    @override
    def begin(self, clock: Clock) -> None:
        around = self.around
        around.journal.attendance[clock.name] = Attendance(self.name)
        self.channel = self.connect(clock, "tpush-ws")
        self.service = PusherService(
            self.channel,
            [self.name],
            reactor=clock,
            limits=around.limits,
            endpoint_for=lambda place: ServerEndpoint(around.network, clock, place, eager=True),
            entropy=self._entropy(clock),
        )
        self.service.startService()

    @override
    def end(self) -> Deferred[None]:
        return self.service.stopService()

    def _entropy(self, clock: Clock) -> Callable[[int], bytes]:
        like, self.like = self.like, None
        if like is None or like.clock is None:
            return clock.random.randbytes
        self.around.journal.shared.add(like.service.worker)
        first = [(like.service.worker - 1).to_bytes(8, "big")]
        return lambda size: first.pop() if first else clock.random.randbytes(size)
