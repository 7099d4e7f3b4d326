"""What items of the wire are made of, to values and back: each is checked as it is read."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tpush.errors import InvalidAddress, InvalidName, ProtocolViolation
from tpush.limits import MAX_CONTENT
from tpush.message import (
    MAX_TARGETS,
    ConnectionID,
    Message,
    Position,
    Target,
    WorkerID,
    check_name,
    check_queue,
)
from tpush.recalled import Place, check_places
from tpush.receipt import MAX_TICKET, Counts, Receipt, Ticket

Value = TypeVar("Value")


def pack_message(message: Message) -> list[Any]:
    """Return the fields of a message, those at the end left out that say nothing."""
    packed: list[Any] = [message.event, message.text, message.data]
    if message.positions:
        packed += message.connection, message.ticket, message.also, message.but, message.json
        packed += message.order, [(event, *position) for event, position in message.positions]
    elif message.order or message.json:
        packed += message.connection, message.ticket, message.also, message.but, message.json
        packed.append(message.order)
    elif message.also or message.but:
        packed += message.connection, message.ticket, message.also, message.but
    elif message.ticket is not None:
        packed += message.connection, message.ticket
    elif message.connection is not None:
        packed.append(message.connection)
    return packed


def pack_position(position: Position | None) -> Sequence[Any]:
    """Return a position as two fields."""
    return position or (None, None)


def pack_receipt(receipt: Receipt | None) -> list[int | None] | None:
    """Return a receipt, less the replies of workers."""
    if receipt is None:
        return None
    counts = receipt.counts
    return [counts.written, counts.dropped, counts.pending, receipt.workers, receipt.missing]


def fields(item: Any, least: int) -> Sequence[Any]:
    """Read an item; a later version may have added fields to its end.

    Raises:
        ProtocolViolation: it is no list, or too short.
    """
    if not isinstance(item, list) or len(item) < least:
        raise ProtocolViolation(f"an item of {least} fields or more, not {item!r:.60}")
    return item


def typed(value: Any, kind: type[Value]) -> Value:
    """Read what is just of that type.

    Raises:
        ProtocolViolation: it is something else.
    """
    if type(value) is not kind:
        raise ProtocolViolation(f"{kind.__name__}, not {value!r:.60}")
    return value


def number(value: Any, least: int = 1) -> int:
    """Read a whole number.

    Raises:
        ProtocolViolation: it is none, or too small.
    """
    if type(value) is not int or value < least:
        raise ProtocolViolation(f"a number from {least}, not {value!r:.60}")
    return value


def content(value: Any) -> bytes:
    """Read the content of a message.

    Raises:
        ProtocolViolation: it is none, or too long.
    """
    data = typed(value, bytes)
    if len(data) > MAX_CONTENT:
        raise ProtocolViolation(f"a content of {len(data)} bytes")
    return data


def name(value: Any) -> str:
    """Read the name of an event, or a key."""
    return _checked(check_name, value)


def queue(value: Any) -> str:
    """Read the name of a queue."""
    return _checked(check_queue, value)


def worker(value: Any) -> WorkerID:
    """Read a worker id."""
    return WorkerID(number(value))


def ticket(value: Any) -> Ticket:
    """Read a ticket.

    Raises:
        ProtocolViolation: it is none, or too long.
    """
    data = typed(value, bytes)
    if len(data) > MAX_TICKET:
        raise ProtocolViolation(f"a ticket of {len(data)} bytes")
    return Ticket(data)


def receipt(value: Any) -> Receipt:
    """Read a receipt."""
    written, dropped, pending, workers, missing = fields(value, 5)[:5]
    counts = Counts(number(written, 0), number(dropped, 0), number(pending, 0))
    return Receipt(counts, number(workers, 0), None if missing is None else number(missing, 0))


def place(value: Any) -> Place:
    """Read what is known of an event."""
    event, epoch, offset = fields(value, 3)[:3]
    return name(event), position(epoch, offset)


def places(value: Any) -> Sequence[Place]:
    """Read what is asked about."""
    asked = [place(each) for each in typed(value, list)]
    return _checked(check_places, asked)


def position(epoch: Any, offset: Any) -> Position | None:
    """Read a position of two fields."""
    return None if epoch is None else Position(typed(epoch, str), number(offset, 0))


def message(said: Sequence[Any]) -> Message:
    """Read the fields of a message; from the fourth on each may be nil, or missing."""
    event, text, data, *more = said
    connection = _connection(more[0]) if more else None
    asked = ticket(more[1]) if len(more) > 1 and more[1] is not None else None
    also = _targets(more[2]) if len(more) > 2 and more[2] else ()
    but = _targets(more[3]) if len(more) > 3 and more[3] else ()
    positions = _positions(more[6]) if len(more) > 6 and more[6] else ()
    return Message(
        name(event),
        content(data),
        typed(text, bool),
        connection,
        asked,
        also,
        but,
        _flag(more, 4),
        _flag(more, 5),
        positions,
    )


def _checked(check: Callable[[Any], Value], value: Any) -> Value:
    try:
        return check(value)
    except (InvalidName, InvalidAddress) as error:
        raise ProtocolViolation(str(error)) from None


def _flag(said: Sequence[Any], index: int) -> bool:
    if len(said) <= index or said[index] is None:
        return False
    return typed(said[index], bool)


def _connection(value: Any) -> ConnectionID | None:
    return None if value is None else ConnectionID(number(value))


def _targets(value: Any) -> tuple[Target, ...]:
    targets = typed(value, list)
    if len(targets) >= MAX_TARGETS:
        raise ProtocolViolation(f"a message of {len(targets)} targets more")
    pairs = (fields(target, 2) for target in targets)
    return tuple((name(pair[0]), _connection(pair[1])) for pair in pairs)


def _positions(value: Any) -> tuple[tuple[str, Position], ...]:
    places = map(place, typed(value, list))
    return tuple((event, known) for event, known in places if known is not None)
