"""For a connection that there is no room for."""

from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override


class Refusing(Protocol):
    """Says one thing, and closes.

    Args:
        answer: what it says.
        clock: tells the time.
        wait: seconds that the other end has to take that.
    """

    transport: Any

    def __init__(self, answer: bytes, clock: IReactorTime, wait: float) -> None:
        self._answer = answer
        self._clock = clock
        self._wait = wait

    @override
    def connectionMade(self) -> None:
        self._end = self._clock.callLater(self._wait, self.transport.abortConnection)
        self.transport.write(self._answer)
        self.transport.loseConnection()

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._end.active():
            self._end.cancel()
