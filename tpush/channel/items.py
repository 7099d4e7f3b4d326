"""What peers ask of the broker, and what it sends them: each under a number, until acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tpush.channel.inbox import Pending
from tpush.message import Message, WorkerID
from tpush.recalled import Place, Recalled
from tpush.receipt import Receipt, Ticket

QUEUE_FULL = "queue-full"
"""The code of a rejection, on the wire."""


class Publish(NamedTuple):
    """Asks for a message to go to all subscribers of its events, or to *one* in turn.

    One with a *key* that was had before is not sent again.
    """

    message: Message
    one: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Tells what the publisher of a message with a key was told."""

    key: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Asks for a job to be added to a queue."""

    queue: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """Tells the outcome of a job."""

    job: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Asks for nothing but to be acknowledged in turn."""


@dataclass(frozen=True, slots=True)
class Sync:
    """Asks to be answered when it is carried out, whoever has not acknowledged what is before."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Asks for what was published to events after positions; answered as :class:`Sync` is.

    Args:
        places: what is known already; nothing asks where the newest of an event stands.
        most: bytes of contents that are to be sent of one event.
    """

    places: Sequence[Place]
    most: int


Request = Publish | Answer | Enqueue | Finish | Mark | Sync | Recall
"""What a peer asks for under a number: held by it until the number is acknowledged."""


class Delivery(NamedTuple):
    """One message on its way to one session.

    Args:
        origin: the key of its publisher, with *number* its name in the whole cluster.
        number: the number that its publisher gave it.
        message: what was published.
        pending: what is settled when the session acknowledges.
        one: it goes to another subscriber if this one leaves.
    """

    origin: bytes
    number: int
    message: Message
    pending: Pending
    one: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """One job on its way to one session; *number* grows with each that this broker gives."""

    number: int
    job: int
    queue: str
    attempt: int
    data: bytes
    asked: bool


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request that was not carried out, on its way back to who asked.

    Args:
        number: the number of the request.
        code: what it is on the wire.
        reason: the same for people.
        pending: the request, which is acknowledged when the rejection has been.
    """

    number: int
    code: str
    reason: str
    pending: Pending


@dataclass(frozen=True, slots=True)
class Routed:
    """Which workers a message went to whose publisher wants a receipt."""

    ticket: Ticket
    workers: Sequence[WorkerID]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A message whose key was had before, and what became of that one, where it is known."""

    ticket: Ticket
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Synced:
    """A :class:`Sync` was carried out.

    Args:
        number: of the request.
        pending: the request, which is acknowledged when this has been.
    """

    number: int
    pending: Pending


@dataclass(frozen=True, slots=True)
class Recollection:
    """A part of the answer to a :class:`Recall`; a :class:`Synced` ends it.

    Args:
        number: of the request.
        index: of the place there.
        recalled: of that event.
        names: of the newest message of each publisher: its key and number.
    """

    number: int
    index: int
    recalled: Recalled
    names: Sequence[tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Missed:
    """What was published before it has not all come: the broker did not know this program then."""


Outgoing = Delivery | Assignment | Rejection | Routed | Repeated | Synced | Recollection | Missed
"""What a session is sent under a number."""
