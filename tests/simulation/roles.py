"""A role of a cluster: the real one, in a process of its own that may stop, die and come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tests.simulation.clock import Clock, Timeline
from tests.simulation.journal import Journal
from tests.simulation.network import ClientEndpoint, Network
from tpush.background import background
from tpush.channel.client import AMPChannel
from tpush.limits import Limits

CHANNEL = "channel"
"""Where the channel listens."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all roles of a world have in common.

    Args:
        timeline: of the world.
        network: the same.
        journal: the same.
        limits: bounds and times of every role.
        secrets: that the channel asks for, if any.
        random: every process has its own, which is drawn from this.
        turn: seconds that a turn of a reactor takes at the most.
    """

    timeline: Timeline
    network: Network
    journal: Journal
    limits: Limits
    secrets: Sequence[bytes]
    random: Random
    turn: float


class Role:
    """One role: a process at a time.

    Args:
        name: of the role; that of a process is numbered.
        around: what all roles have in common.
    """

    log = Logger()

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self.around = around
        self.clock: Clock | None = None
        """Of its process, if there is one."""
        self.stopping: float | None = None
        """Since when the process has been stopping."""
        self.stopped = False
        """All is done that is done at SIGTERM."""
        self._started = 0

    @property
    def running(self) -> bool:
        """Whether there is a process that does something, and is not stopping."""
        return self.clock is not None and self.clock.running and self.stopping is None

    def start(self) -> None:
        """Start a process, unless there is one."""
        if self.clock is None:
            around = self.around
            self._started += 1
            random = Random(around.random.getrandbits(64))
            name = f"{self.name}.{self._started}"
            self.clock = Clock(around.timeline, name, random, around.turn)
            around.journal.note(f"{name} starts")
            self.begin(self.clock)

    def kill(self) -> None:
        """End the process as SIGKILL does."""
        self.stopping = None
        if self.clock is not None:
            self._exit(self.clock)

    def stop(self, *, stay: bool = False) -> None:
        """End the process as SIGTERM does.

        Args:
            stay: once all is done let there be a process still, so that it shows what is left.
        """
        if self.clock is not None and self.stopping is None:
            self.around.journal.note(f"{self.clock} stops")
            self.stopping = self.around.timeline.now
            self.clock.callLater(0, self._stop, self.clock, stay)

    def freeze(self, seconds: float) -> None:
        """Stop the process as SIGSTOP does, for a while."""
        if self.clock is not None and self.clock.running:
            self.around.journal.note(f"{self.clock} stands still for {seconds}")
            self.clock.stop()
            self.around.timeline.after(seconds, self.clock.go_on)

    def begin(self, clock: Clock) -> None:
        """Make what runs in the process."""
        raise NotImplementedError

    def end(self) -> Deferred[None]:
        """Do what is done at SIGTERM; fires when the process may end."""
        raise NotImplementedError

    def ended(self) -> None:
        """Be told that the process has ended."""

    def _stop(self, clock: Clock, stay: bool) -> None:  # noqa: FBT001 - by callLater
        async def stop() -> None:
            await self.end()
            self.stopped = True
            if not stay:
                # In a turn of nobody: it may have things to do when it is told that it has stopped.
                self.around.timeline.after(0, partial(self._exit, clock))

        background(stop(), self.log, "stopping")

    def _exit(self, clock: Clock) -> None:
        if self.clock is clock:
            self.around.journal.note(f"{clock} is dead")
            clock.die()
            self.around.network.die(clock)
            self.ended()
            self.clock = self.stopping = None
            self.stopped = False


class ConnectedRole(Role):
    """A role with an end of the channel."""

    channel: AMPChannel

    def connect(self, clock: Clock, role: str) -> AMPChannel:
        """Return an end of the channel for the process."""
        return self.channel_class(
            ClientEndpoint(self.around.network, clock, CHANNEL),
            clock,
            self.around.limits,
            role=role,
            name=clock.name,
            secrets=self.around.secrets,
            entropy=clock.random.randbytes,
        )

    channel_class: type[AMPChannel] = AMPChannel
