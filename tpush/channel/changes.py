"""What a program asks of the broker besides its requests: subscriptions, watches, reserved jobs."""

from dataclasses import dataclass

from tpush.channel.callbacks import Callbacks


@dataclass(frozen=True, slots=True)
class Changes:
    """What a program asks for, anew or in all; each queue with whether its jobs are asked for."""

    subscribe: list[str]
    unsubscribe: list[str]
    watch: list[tuple[str, bool]]
    unwatch: list[str]
    reserve: int


class Touched:
    """What may have changed since it was last taken: only the outcome counts."""

    def __init__(self) -> None:
        self._events: dict[str, None] = {}
        self._queues: dict[str, None] = {}
        self._reserve = 0

    def __bool__(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._events or self._queues or self._reserve)

    def event(self, event: str) -> None:
        """Be told that a subscription has come or gone."""
        self._events[event] = None

    def queue(self, queue: str) -> None:
        """Be told that a watch has come or gone."""
        self._queues[queue] = None

    def reserve(self) -> None:
        """Be told that the program is ready for one job more."""
        self._reserve += 1

    def take(self, callbacks: Callbacks) -> Changes:
        """Return what has changed, by the callbacks that there are now."""
        events, queues = callbacks.events, callbacks.queues
        changes = Changes(
            subscribe=[event for event in self._events if event in events],
            unsubscribe=[event for event in self._events if event not in events],
            watch=[(queue, queues[queue][1]) for queue in self._queues if queue in queues],
            unwatch=[queue for queue in self._queues if queue not in queues],
            reserve=self._reserve,
        )
        self._events.clear()
        self._queues.clear()
        self._reserve = 0
        return changes
