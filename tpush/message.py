"""What travels: messages, jobs, and the names they travel under.

Values only; no room below this one. Payloads are `bytes` from the moment they enter: text is
checked once, by :func:`encode`, and never decoded again on the way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, NewType

from tpush.errors import InvalidAddress, InvalidName, InvalidText
from tpush.receipt import Ticket

WorkerID = NewType("WorkerID", int)
"""Names one pusher worker in the whole cluster, 1 to :data:`MAX_ID`, drawn at random."""

ConnectionID = NewType("ConnectionID", int)
"""Names one connection within its worker: counts up from 1, never given twice."""

MAX_ID = 2**53 - 1
"""The largest integer that a JavaScript number holds exactly."""

MAX_NAME = 200
"""Bytes of UTF-8 in the name of an event or a queue."""

BROADCAST = "broadcast"
"""The event that every worker listens to."""

OCCUPANCY = "channel/groups"
"""The event at which the channel tells one who listens that a group has got its first member, in
the whole cluster, or has lost its last."""

GONE = "channel/workers"
"""The event at which it tells all who listen that a worker is gone, with all of its clients."""

MAX_TARGETS = 100
"""Targets that one message may have, those counted that do not get it."""

TARGET_BYTES = MAX_NAME + 20
"""The most that a further target takes on the wire."""

Target = tuple[str, ConnectionID | None]
"""Whom a message is for: an event, and the one connection of its worker, where it is for one."""

FAILED = "/failed"
"""Ends the name of the queue where jobs go after their last attempt."""


class Position(NamedTuple):
    """Where a message stands in the history of an event.

    Args:
        epoch: in which offsets are given; a channel that is started anew begins another.
        offset: one more than that of the message before, from 1; 0 is before the first.
    """

    epoch: str
    offset: int


def worker_event(worker: WorkerID) -> str:
    """Return the event that this worker alone listens to."""
    return f"worker/{worker}"


def group_event(group: str) -> str:
    """Return the event that the members of a group listen to."""
    return f"group/{group}"


def user_event(user: str) -> str:
    """Return the event that the connections of a user listen to."""
    return f"user/{user}"


def presence_event(group: str) -> str:
    """Return the event of who comes to a group and who leaves it."""
    return f"presence/{group}"


class Message(NamedTuple):
    """One published message; a tuple, as one is made of each at every step of its way.

    Args:
        event: what it was published to.
        data: the content; valid UTF-8 where *text* is true.
        text: whether it goes out as a text frame, else as a binary one.
        connection: the one connection it is for; None is all that listen to the event.
        ticket: each worker that gets it tells under this name what became of it; None asks for
            nothing.
        also: further targets; whoever is in several of them gets it once.
        but: targets that do not get it.
        json: *data* is JSON, and who can be told so is.
        order: workers are to do what it says (:mod:`tpush.orders`); clients are sent nothing.
        positions: where it stands in the history of each event that keeps any.
    """

    event: str
    data: bytes
    text: bool = True
    connection: ConnectionID | None = None
    ticket: Ticket | None = None
    also: tuple[Target, ...] = ()
    but: tuple[Target, ...] = ()
    json: bool = False
    order: bool = False
    positions: tuple[tuple[str, Position], ...] = ()

    @property
    def size(self) -> int:
        """What it counts where bytes are bounded."""
        further = len(self.also) + len(self.but) + len(self.positions)
        return len(self.data) + TARGET_BYTES * further

    @property
    def targets(self) -> Sequence[Target]:
        """All that it is for."""
        return ((self.event, self.connection), *self.also)

    def same_audience(self, other: "Message") -> bool:
        """Say whether *other* is for the same targets, in the same order."""
        return (
            self.event == other.event
            and self.connection == other.connection
            and self.also == other.also
            and self.but == other.but
        )

    def position(self, event: str) -> Position | None:
        """Return where it stands in the history of *event*, which may keep none."""
        return next((position for each, position in self.positions if each == event), None)


@dataclass(frozen=True, slots=True)
class Job:
    """One job as a watcher gets it.

    Args:
        queue: where it was enqueued.
        data: the content, never decoded.
        attempt: 1 when it is handed out for the first time.
    """

    queue: str
    data: bytes
    attempt: int


def encode(data: str | bytes) -> bytes:
    """Return *data* as it travels: a str as UTF-8.

    Raises:
        UnicodeEncodeError: a str has lone surrogates, which UTF-8 cannot hold.
        TypeError: it is neither text nor bytes.
    """
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"data is a str or bytes, not {type(data).__name__}")


def check_text(content: bytes) -> bytes:
    """Return *content* if it is UTF-8.

    Raises:
        InvalidText: it is not.
    """
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise InvalidText(f"content is not UTF-8 at byte {error.start}") from None
    return content


def check_json(content: bytes) -> bytes:
    """Return *content* if it is JSON, :rfc:`8259`.

    Raises:
        InvalidText: it is not.
    """

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(content.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):
        raise InvalidText("content is no JSON") from None
    return content


def check_connection(connection: ConnectionID | None) -> ConnectionID | None:
    """Return *connection* if a connection may have this id.

    Raises:
        InvalidAddress: it is no whole number from 1 to :data:`MAX_ID`.
    """
    if connection is None or (type(connection) is int and 1 <= connection <= MAX_ID):
        return connection
    raise InvalidAddress(f"a connection id is a whole number from 1 to {MAX_ID}")


def check_targets(*lists: Sequence[Target]) -> None:
    """Check further targets of one message.

    Raises:
        InvalidAddress: there are over :data:`MAX_TARGETS`, or no connection can have an id.
        InvalidName: no event can be called so.
    """
    if sum(map(len, lists)) >= MAX_TARGETS:
        raise InvalidAddress(f"a message has at most {MAX_TARGETS} targets")
    for targets in lists:
        for event, connection in targets:
            check_name(event)
            check_connection(connection)


def check_name(name: str) -> str:
    """Return *name* if an event or a queue may be called so.

    Raises:
        InvalidName: it is not a str, is empty, is over 200 bytes of UTF-8, or is not UTF-8.
    """
    if not isinstance(name, str):
        raise InvalidName(f"a name is a str, not {type(name).__name__}")
    try:
        size = len(name) if name.isascii() else len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName(f"a name is valid Unicode: {name!r}") from None
    if not 1 <= size <= MAX_NAME:
        raise InvalidName(f"a name has 1 to {MAX_NAME} bytes of UTF-8, this one {size}")
    return name


def check_queue(name: str) -> str:
    """Return *name* if a queue may be called so: there is room for its queue of failed jobs.

    Raises:
        InvalidName: as :func:`check_name` does; the bound is 193 bytes.
    """
    check_name(name)
    if not name.endswith(FAILED):
        check_name(name + FAILED)
    return name
