"""How a client is spoken to: what frames it is sent. Pure.

A client without a subprotocol is sent contents, with nothing wrapped around them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from tpush.message import ConnectionID, Message, Position, Target, WorkerID
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

    def head(self, target: Target) -> bytes:
        """Return what a message says of whom it is for; nothing where it says nothing."""
        ...

    def places(self, own: Position | None, too: Sequence[tuple[str, Position]]) -> bytes:
        """Return what follows the head: where a message stands in histories; it does in one.

        Args:
            own: in that of whom the head says that it is for.
            too: in those of other events that the client has joined.
        """
        ...

    def body(self, message: Message) -> bytes:
        """Return the content of a message, as it is sent."""
        ...

    def frame(self, head: bytes, body: bytes, *, text: bool) -> bytes:
        """Return the frame of a message.

        Args:
            head: of :meth:`head`, and of :meth:`places`.
            body: of :meth:`body`.
            text: whether the message is text.
        """
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
    def head(self, target: Target) -> bytes:
        return b""

    @override
    def places(self, own: Position | None, too: Sequence[tuple[str, Position]]) -> bytes:
        return b""

    @override
    def body(self, message: Message) -> bytes:
        return message.data

    @override
    def frame(self, head: bytes, body: bytes, *, text: bool) -> bytes:
        return frame(body, text=text)


PLAIN = Plain()


class Joined:
    """Frames of messages that are for the same targets, joined.

    They are made where somebody needs them, and each once: contents for each dialect, frames for
    each dialect and each way to say whom they are for, and where they stand.

    Args:
        messages: in their order.
    """

    __slots__ = ("_bodies", "_frames", "_messages")

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._bodies: dict[Dialect, Sequence[bytes]] = {}
        self._frames: dict[tuple[Dialect, bytes, Sequence[str]], bytes] = {}

    def frames(self, dialect: Dialect, target: Target, too: Sequence[str] = ()) -> bytes:
        """Return what is sent to those who get the messages as one of their targets.

        Args:
            dialect: theirs.
            target: of the messages.
            too: events that they have joined besides, whose histories have the messages.
        """
        head = dialect.head(target)
        key = dialect, head, too if head else ()
        frames = self._frames.get(key)
        if frames is None:
            bodies = self._bodies.get(dialect)
            if bodies is None:
                bodies = self._bodies[dialect] = [dialect.body(each) for each in self._messages]
            frames = self._frames[key] = b"".join([
                _frame(each, body, head, dialect, target, too)
                for each, body in zip(self._messages, bodies, strict=True)
            ])
        return frames


def frame_once(
    messages: Sequence[Message], dialect: Dialect, target: Target, too: Sequence[str]
) -> bytes:
    """Return the same as :meth:`Joined.frames`, of messages that are for one target alone."""
    head = dialect.head(target)
    if len(messages) == 1:
        (message,) = messages
        return _frame(message, dialect.body(message), head, dialect, target, too)
    return b"".join([
        _frame(each, dialect.body(each), head, dialect, target, too) for each in messages
    ])


def _frame(
    message: Message,
    body: bytes,
    head: bytes,
    dialect: Dialect,
    target: Target,
    too: Sequence[str],
) -> bytes:
    if message.positions:
        others = [(event, place) for event in too if (place := message.position(event))]
        own = message.position(target[0])
        head += dialect.places(own, others) if own or others else b""
    return dialect.frame(head, body, text=message.text)
