"""Time for many processes: one line of events, and a reactor's clock for each process.

Twisted's own `Clock` sorts a list at each call, knows no process, and runs what is due at once.
Here a process may stop and go on, as SIGSTOP and SIGCONT have it, and what it has not done when it
dies is never done. What a program asks for with ``callLater(0, ...)`` comes at the end of its turn,
and how long a turn takes is drawn: meanwhile more may arrive, as it does where a reactor is busy.
"""

# ruff: noqa: N802 - the names of Twisted's interfaces

from collections.abc import Callable
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override
from zope.interface import implementer

Arrival = Callable[[], object]
"""Bytes, or news, that come in from outside."""


@implementer(IDelayedCall)
class Call:
    """One call that a process has asked for."""

    __slots__ = ("_cancelled", "arguments", "clock", "function", "time")

    def __init__(
        self,
        clock: "Clock",
        time: float,
        function: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        self.clock = clock
        self.time = time
        self.function: Callable[..., object] | None = function
        """None when it was made, or cancelled."""
        self.arguments = arguments
        self._cancelled = False

    @override
    def __repr__(self) -> str:
        return f"<{self.function} at {self.time:.3f} of {self.clock}>"

    def getTime(self) -> float:
        return self.time

    def active(self) -> bool:
        return self.function is not None

    def cancel(self) -> None:
        self._check()
        self._cancelled = True
        self.function, self.arguments = None, ()

    def reset(self, secondsFromNow: float) -> None:  # noqa: N803
        self._check()
        self._move(self.clock.seconds() + secondsFromNow)

    def delay(self, secondsLater: float) -> None:  # noqa: N803
        self._check()
        self._move(self.time + secondsLater)

    def _move(self, time: float) -> None:
        earlier = time < self.time
        self.time = time
        if earlier:  # else it is found to be too early, when it comes up, and put back
            self.clock.timeline.put(time, self.clock, self)

    def _check(self) -> None:
        if self.function is None:
            raise AlreadyCancelled if self._cancelled else AlreadyCalled


class Timeline:
    """All events of a world, in order: by time, then as they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._count = count()
        self._heap: list[tuple[float, int, Clock | None, Call | Arrival]] = []

    def put(self, time: float, clock: "Clock | None", what: Call | Arrival) -> None:
        """Let something happen to a process at its time; with no clock, whatever state it is in."""
        heappush(self._heap, (time, next(self._count), clock, what))

    def after(self, seconds: float, what: Arrival) -> None:
        """Let something happen in a while, whatever state any process is in."""
        self.put(self.now + seconds, None, what)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        heap = self._heap
        while heap:
            time, _, clock, what = event = heappop(heap)
            if time > end:
                heappush(heap, event)
                break
            if time > self.now:
                self.now = time
            if type(what) is not Call:
                if clock is None or clock.running:
                    what()  # type: ignore[operator]
                else:
                    clock.missed(what)
            elif (function := what.function) is None:
                pass  # it was cancelled
            elif what.time > time:  # it was put off
                self.put(what.time, clock, what)
            elif what.clock.running:
                what.function = None
                function(*what.arguments)
            else:
                what.clock.missed(what)
        self.now = end

    def pending(self) -> list[Call]:
        """List the calls that are still to be made."""
        calls = (what for _, _, _, what in sorted(self._heap) if isinstance(what, Call))
        return [call for call in calls if call.active()]


@implementer(IReactorTime)
class Clock:
    """The clock of one process, which is all that it needs of a reactor.

    Args:
        timeline: of its world.
        name: of the process.
        random: of the process.
        turn: seconds that a turn takes at the most.
        host: its address; by default its name stands for it.
    """

    def __init__(
        self, timeline: Timeline, name: str, random: Random, turn: float, host: str = ""
    ) -> None:
        self.timeline = timeline
        self.name = name
        self.host = host or name
        self.random = random
        self.running = True
        """Neither stopped nor dead."""
        self.alive = True
        self._most = turn
        self._turn: list[Call] | None = None
        self._end = Call(self, 0.0, self._end_turn, ())
        self._due: list[Call] = []
        self._came: list[Arrival] = []

    @override
    def __repr__(self) -> str:
        return self.name

    def seconds(self) -> float:
        return self.timeline.now

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object
    ) -> Call:
        timeline = self.timeline
        time = timeline.now + delay
        call = Call(self, time, partial(callable, **kwargs) if kwargs else callable, args)
        if delay > 0:
            timeline.put(time, self, call)
        elif self._turn is not None:
            self._turn.append(call)
        else:
            self._turn = [call]
            end = self._end  # there is one turn at a time, and one call for the end of all
            end.time = time + self.random.random() * self._most
            end.function = self._end_turn
            timeline.put(end.time, self, end)
        return call

    def getDelayedCalls(self) -> list[Call]:
        return [call for call in self.timeline.pending() if call.clock is self]

    def stop(self) -> None:
        """Do nothing from now on; what comes in waits."""
        self.running = False

    def go_on(self) -> None:
        """Do what has been due meanwhile, then take what has come in: so does a reactor."""
        if self.alive and not self.running:
            self.running = True
            due, came = self._due, self._came
            self._due, self._came = [], []
            for call in due:
                call.time = self.timeline.now
                self.timeline.put(call.time, self, call)
            for arrival in came:
                self.timeline.put(self.timeline.now, self, arrival)

    def die(self) -> None:
        """Do nothing ever again."""
        self.running = self.alive = False
        self._due, self._came = [], []

    def missed(self, what: Call | Arrival) -> None:
        """Keep what came up while the process was stopped."""
        if self.alive:
            if isinstance(what, Call):
                self._due.append(what)
            else:
                self._came.append(what)

    def _end_turn(self) -> None:
        calls, self._turn = self._turn or [], None
        now = self.timeline.now
        for call in calls:
            if (function := call.function) is None:
                continue  # it was cancelled
            if call.time > now:  # it was put off
                self.timeline.put(call.time, self, call)
            else:
                call.function = None
                function(*call.arguments)
