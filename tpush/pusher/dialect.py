"""How a client is spoken to: what frames it is sent. Pure.

A client without a subprotocol is sent contents, with nothing wrapped around them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from tpush.message import ConnectionID, Message, WorkerID
from tpush.pusher.frame import frame


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a client is told first.

    Args:
        worker: that it is connected to.
        connection: its id there.
        user: who it is, where that is known.
        groups: that it is in from the start.
    """

    worker: WorkerID
    connection: ConnectionID
    user: str | None
    groups: Sequence[str]


class Dialect(Protocol):
    """Makes frames."""

    name: str
    """The subprotocol that a client offers for it, :rfc:`6455#section-1.9`."""

    def greet(self, greeting: Greeting) -> bytes:
        """Return the first frame."""
        ...

    def message(self, message: Message) -> bytes:
        """Return the frame of a message, which is for one target."""
        ...


class Plain(Dialect):
    """What clients without a subprotocol are sent."""

    name = "tpush.plain"
    """A browser that has a token among its subprotocols takes no handshake that answers none."""

    @override
    def greet(self, greeting: Greeting) -> bytes:
        said = f"workerID:{greeting.worker} connectionID:{greeting.connection} connected\n"
        return frame(said.encode(), text=True)

    @override
    def message(self, message: Message) -> bytes:
        return frame(message.data, text=message.text)


PLAIN = Plain()


class Joined(dict[Dialect, bytes]):
    """Frames of messages for one audience, joined, by dialect: made where somebody needs them.

    Args:
        messages: in their order.
    """

    __slots__ = ("_messages",)

    def __init__(self, messages: Iterable[Message]) -> None:
        super().__init__()
        self._messages = messages

    def __missing__(self, dialect: Dialect) -> bytes:
        frames = self[dialect] = b"".join(map(dialect.message, self._messages))
        return frames
