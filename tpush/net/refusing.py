"""For a connection that there is no room for."""

from twisted.internet.protocol import Protocol
from typing_extensions import override


class Refusing(Protocol):
    """Says one thing, and closes.

    Args:
        answer: what it says.
    """

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    @override
    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.write(self._answer)
            self.transport.loseConnection()
