"""What happened in a world, as its outside saw it: the promises are held against that."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.simulation.clock import Timeline

Address = tuple[int, int]
"""Worker id and connection id."""


NEVER = float("-inf")
"""Since when a worker has been away that was never there."""


@dataclass(slots=True, eq=False)
class Publish:
    """One request of a back end, and what became of it.

    Args:
        number: counts all publishes of a world.
        content: what is published; it begins with the number.
        target: the connection it is for, or None for all.
        through: the publisher that is asked.
        asks: a receipt is wanted.
    """

    number: int
    content: bytes
    target: Address | None
    through: str
    asks: bool = False
    outcome: str = ""
    """The status of the answer, or why there is none; empty while it is waited for."""
    receipt: dict[str, Any] = field(default_factory=dict)
    """What the answer said, where a receipt was asked for."""
    answered: float = 0.0
    """When the publisher had its receipt."""
    accepted: float | None = None
    """When its publisher's end of the channel took it."""
    publisher: str = ""
    """The process that took it."""
    place: int = 0
    """Where it comes among all that this publisher took."""
    lost: bool = False
    """Its publisher died and held it still."""

    @property
    def when(self) -> float:
        """When it was accepted."""
        assert self.accepted is not None
        return self.accepted


@dataclass(slots=True, eq=False)
class Connection:
    """One connection of a browser, from its greeting to its end.

    Args:
        address: as it was greeted.
        role: the worker that it is connected to.
        process: of that worker.
        opened: when.
    """

    address: Address
    role: str
    process: str
    opened: float
    disturbed: bool = False
    """Its browser did something by which it may be cut off."""
    ended: float | None = None
    how: str = ""
    got: list[tuple[Publish, float]] = field(default_factory=list)
    """What it got, each with when."""


@dataclass(slots=True, eq=False)
class Job:
    """One job of a work queue, and what became of it.

    Args:
        asked: when a program asked for it to be enqueued.
    """

    asked: float
    enqueued: bool = False
    """The program was told that the channel has it."""
    done: list[float] = field(default_factory=list)
    """When consumers have done it."""


@dataclass(slots=True, eq=False)
class Attendance:
    """When a worker was away from the channel, so that messages went on without it.

    Args:
        role: the worker.
        gaps: of time; what was accepted before the end of one, and had not been received at its
            beginning, the worker may have missed. With whether it is to be told.
    """

    role: str
    gaps: list[tuple[float, float, bool]] = field(default_factory=list)
    away: float | None = NEVER
    """Since when it has been away."""
    unknown: bool = True
    """No channel knows that it was there before and is away: the one that did has died."""
    lost: float = 0.0
    """When its link was last found to be lost."""
    here: bool = False
    """The channel has its subscriptions."""


class Journal:
    """Everything that happened.

    Args:
        timeline: tells the time.
        trace: keep each event, for :attr:`hash`.
    """

    def __init__(self, timeline: Timeline, *, trace: bool = False) -> None:
        self._timeline = timeline
        self.trace: list[str] | None = [] if trace else None
        self.breaches: list[str] = []
        """Promises that were not kept."""
        self.faults: list[str] = []
        self.publishes: list[Publish] = []
        self.accepted: dict[str, list[Publish]] = {}
        """By publisher's process, in order."""
        self.connections: list[Connection] = []
        self.ungreeted = 0
        """Connections that ended before their browser was greeted."""
        self.addresses: dict[Address, Connection] = {}
        self.attendance: dict[str, Attendance] = {}
        """By worker's process."""
        self.jobs: list[Job] = []
        self.deaths: list[float] = []
        """When a channel has ended."""
        self.forgotten: set[str] = set()
        """Processes whose sessions a channel has forgotten, as they were away for too long."""
        self.shared: set[int] = set()
        """Worker ids that two processes have drawn."""
        self.disturbed: dict[str, float] = {}
        """Roles that something has befallen, and until when that lasts."""

    @property
    def now(self) -> float:
        """The time."""
        return self._timeline.now

    @property
    def hash(self) -> str:
        """Stands for all events, in order; empty where they were not kept."""
        if self.trace is None:
            return ""
        return sha256("\n".join(self.trace).encode()).hexdigest()

    def note(self, what: str) -> None:
        """Keep an event, if events are kept."""
        if self.trace is not None:
            self.trace.append(f"{self._timeline.now!r} {what}")

    def breach(self, what: str) -> None:
        """Note that a promise was not kept."""
        self.note(f"BREACH {what}")
        self.breaches.append(f"at {self._timeline.now:.3f}: {what}")

    def disturb(self, role: str, seconds: float = 0.0) -> None:
        """Note that something befalls a role, for so long."""
        until = self._timeline.now + seconds
        self.disturbed[role] = max(until, self.disturbed.get(role, 0.0))
