"""Something that happens once, and that any number wait for."""

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

Value = TypeVar("Value")


class Moment(Generic[Value]):
    """Happens once, with a value.

    A Deferred would pass it on, from one who waits to the next, and no two could wait apart.
    """

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._waiting: list[Deferred[Value]] = []

    @property
    def happened(self) -> bool:
        """Whether it has happened."""
        return bool(self._values)

    def happen(self, value: Value) -> None:
        """Happen, where it has not yet."""
        if not self._values:
            self._values.append(value)
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(value)

    def wait(self) -> Deferred[Value]:
        """Return what fires when it happens, or at once; it may be cancelled."""
        waiting: Deferred[Value] = Deferred(self._forget)
        if self._values:
            waiting.callback(self._values[0])
        else:
            self._waiting.append(waiting)
        return waiting

    def _forget(self, waiting: Deferred[Value]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
