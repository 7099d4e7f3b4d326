"""Items of the wire to values and back.

Each direction of a link is one numbered stream of several kinds of items. Packing cuts a batch
into runs of one kind, so that each run is one command and the order is kept; unpacking checks
every type, as the peer may send anything.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

import msgpack

from tpush.channel import wire
from tpush.channel.items import (
    Answer,
    Assignment,
    Delivery,
    Enqueue,
    Finish,
    Mark,
    Outgoing,
    Publish,
    Rejection,
    Repeated,
    Request,
    Routed,
    Sync,
    Synced,
)
from tpush.errors import InvalidName, ProtocolViolation
from tpush.limits import MAX_CONTENT
from tpush.message import (
    MAX_TARGETS,
    ConnectionID,
    Message,
    Target,
    WorkerID,
    check_name,
    check_queue,
)
from tpush.receipt import MAX_TICKET, Counts, Receipt, Ticket

KEY_FIELD = 11
"""Where an item of :class:`wire.Publish` has its key."""

Command = type[wire.OneWay]
Value = TypeVar("Value")


def pack_requests(batch: Iterable[tuple[int, Request]]) -> Iterator[tuple[Command, list[Any]]]:
    """Cut numbered requests into commands, each with its items."""
    for kind, run in groupby(batch, key=lambda numbered: type(numbered[1])):
        command, pack = _PACK_REQUEST[kind]
        yield command, [pack(number, request) for number, request in run]


def pack_deliveries(
    batch: Iterable[tuple[int, Outgoing]],
) -> Iterator[tuple[Command, list[Any]]]:
    """Cut numbered deliveries into commands, each with its items."""
    for kind, run in groupby(batch, key=lambda numbered: type(numbered[1])):
        command, pack = _PACK_DELIVERY[kind]
        yield command, [pack(number, item) for number, item in run]


def _pack_message(message: Message) -> list[Any]:
    fields: list[Any] = [message.event, message.text, message.data]
    if message.order or message.json:
        fields += message.connection, message.ticket, message.also, message.but, message.json
        fields.append(message.order)
    elif message.also or message.but:
        fields += message.connection, message.ticket, message.also, message.but
    elif message.ticket is not None:
        fields += message.connection, message.ticket
    elif message.connection is not None:
        fields.append(message.connection)
    return fields


def _pack_publish(number: int, publish: Publish) -> list[Any]:
    fields = [number, publish.one, *_pack_message(publish.message)]
    if publish.key:
        fields += [None] * (KEY_FIELD - len(fields))
        fields.append(publish.key)
    return fields


def _pack_receipt(receipt: Receipt | None) -> list[int | None] | None:
    if receipt is None:
        return None
    counts = receipt.counts
    return [counts.written, counts.dropped, counts.pending, receipt.workers, receipt.missing]


_PACK_REQUEST: dict[type, tuple[Command, Callable[[int, Any], list[Any]]]] = {
    Publish: (wire.Publish, _pack_publish),
    Answer: (wire.Answer, lambda n, it: [n, it.key, _pack_receipt(it.receipt)]),
    Enqueue: (wire.Enqueue, lambda n, it: [n, it.queue, it.data]),
    Finish: (wire.Done, lambda n, it: [n, it.job, it.ok]),
    Mark: (wire.Mark, lambda n, it: [n]),
    Sync: (wire.Sync, lambda n, it: [n]),
}
_PACK_DELIVERY: dict[type, tuple[Command, Callable[[int, Any], list[Any]]]] = {
    Delivery: (
        wire.Deliver,
        lambda n, it: [n, it.origin, 0 if it.one else it.number, *_pack_message(it.message)],
    ),
    Assignment: (
        wire.Job,
        lambda n, it: [n, it.number, it.job, it.queue, it.attempt, it.data, it.asked],
    ),
    Rejection: (wire.Reject, lambda n, it: [n, it.number, it.code, it.reason]),
    Routed: (wire.Routed, lambda n, it: [n, it.ticket, list(it.workers)]),
    Synced: (wire.Synced, lambda n, it: [n, it.number]),
    Repeated: (wire.Repeated, lambda n, it: [n, it.ticket, _pack_receipt(it.receipt)]),
}


def unpack_publish(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Publish`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, one, *fields = _fields(item, 5)
        key = item[KEY_FIELD] if len(item) > KEY_FIELD else None
        publish = Publish(_message(fields), _typed(one, bool), "" if key is None else _name(key))
        yield _number(number), publish


def unpack_answer(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Answer`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, key, receipt = _fields(item, 3)[:3]
        yield _number(number), Answer(_name(key), _receipt(receipt))


def unpack_enqueue(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Enqueue`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, queue, data = _fields(item, 3)[:3]
        yield _number(number), Enqueue(_queue(queue), _content(data))


def unpack_done(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Done`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, job, ok = _fields(item, 3)[:3]
        yield _number(number), Finish(_number(job), _typed(ok, bool))


def unpack_mark(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Mark`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        yield _number(_fields(item, 1)[0]), Mark()


def unpack_sync(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Sync`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        yield _number(_fields(item, 1)[0]), Sync()


def unpack_synced(items: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Read the items of :class:`wire.Synced`: number, request's number.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, request = _fields(item, 2)[:2]
        yield _number(number), _number(request)


def unpack_deliver(items: Iterable[Any]) -> Iterator[tuple[int, bytes, int, Message]]:
    """Read the items of :class:`wire.Deliver`: number, origin, its number, message.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, origin, sequence, *fields = _fields(item, 6)
        yield _number(number), _typed(origin, bytes), _number(sequence, 0), _message(fields)


def unpack_jobs(items: Iterable[Any]) -> Iterator[tuple[int, Assignment]]:
    """Read the items of :class:`wire.Job`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, sequence, job, queue, attempt, data, asked = _fields(item, 7)[:7]
        yield (
            _number(number),
            Assignment(
                _number(sequence),
                _number(job),
                _typed(queue, str),
                _number(attempt),
                _typed(data, bytes),
                _typed(asked, bool),
            ),
        )


def unpack_reject(items: Iterable[Any]) -> Iterator[tuple[int, int, str, str]]:
    """Read the items of :class:`wire.Reject`: number, request's number, code, reason.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, request, code, reason = _fields(item, 4)[:4]
        yield _number(number), _number(request), _typed(code, str), _typed(reason, str)


def unpack_routed(items: Iterable[Any]) -> Iterator[tuple[int, Ticket, list[WorkerID]]]:
    """Read the items of :class:`wire.Routed`: number, ticket, workers.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, ticket, workers = _fields(item, 3)[:3]
        ids = [WorkerID(_number(worker)) for worker in _typed(workers, list)]
        yield _number(number), _ticket(ticket), ids


def unpack_repeated(items: Iterable[Any]) -> Iterator[tuple[int, Ticket, Receipt | None]]:
    """Read the items of :class:`wire.Repeated`: number, ticket, receipt.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, ticket, receipt = _fields(item, 3)[:3]
        yield _number(number), _ticket(ticket), None if receipt is None else _receipt(receipt)


def pack_counts(ticket: Ticket, worker: WorkerID, counts: Counts, reply: bytes) -> bytes:
    """Return what a worker tells of a message, as it is published to the inbox of its publisher."""
    said: list[Any] = [ticket, worker, counts.written, counts.dropped, counts.pending]
    if reply:
        said.append(reply)
    packed: bytes = msgpack.packb(said)
    return packed


def unpack_counts(data: bytes) -> tuple[Ticket, WorkerID, Counts, bytes]:
    """Read what a worker tells of a message.

    Raises:
        ProtocolViolation: it is not as it should be.
    """
    try:
        said = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException) as error:
        raise ProtocolViolation(f"not msgpack: {error!r}") from None
    ticket, worker, *counts = _fields(said, 5)[:5]
    told = Counts(*(_number(count, 0) for count in counts))
    reply = _content(said[5]) if len(said) > 5 else b""
    return _ticket(ticket), WorkerID(_number(worker)), told, reply


def unpack_names(names: Iterable[Any]) -> list[str]:
    """Read the names of events or queues.

    Raises:
        ProtocolViolation: one cannot be a name.
    """
    return [_name(name) for name in names]


def unpack_watches(watches: Iterable[Any]) -> list[tuple[str, bool]]:
    """Read the queues of :class:`wire.Watch`, each with whether it asks.

    Raises:
        ProtocolViolation: one is not as it should be.
    """
    pairs = (_fields(watch, 2) for watch in watches)
    return [(_queue(pair[0]), _typed(pair[1], bool)) for pair in pairs]


def _fields(item: Any, least: int) -> Sequence[Any]:
    """Check one item; a later version may have added fields to its end.

    Raises:
        ProtocolViolation: it is no list, or too short.
    """
    if not isinstance(item, list) or len(item) < least:
        raise ProtocolViolation(f"an item of {least} fields or more, not {item!r:.60}")
    return item


def _typed(value: Any, kind: type[Value]) -> Value:
    if type(value) is not kind:
        raise ProtocolViolation(f"{kind.__name__}, not {value!r:.60}")
    return value


def _number(value: Any, least: int = 1) -> int:
    if type(value) is not int or value < least:
        raise ProtocolViolation(f"a number from {least}, not {value!r:.60}")
    return value


def _content(value: Any) -> bytes:
    content = _typed(value, bytes)
    if len(content) > MAX_CONTENT:
        raise ProtocolViolation(f"a content of {len(content)} bytes")
    return content


def _ticket(value: Any) -> Ticket:
    ticket = _typed(value, bytes)
    if len(ticket) > MAX_TICKET:
        raise ProtocolViolation(f"a ticket of {len(ticket)} bytes")
    return Ticket(ticket)


def _name(value: Any) -> str:
    try:
        return check_name(value)
    except InvalidName as error:
        raise ProtocolViolation(str(error)) from None


def _queue(value: Any) -> str:
    try:
        return check_queue(value)
    except InvalidName as error:
        raise ProtocolViolation(str(error)) from None


def _message(fields: Sequence[Any]) -> Message:
    event, text, data, *more = fields
    connection = _connection(more[0]) if more else None
    ticket = _ticket(more[1]) if len(more) > 1 and more[1] is not None else None
    also = _targets(more[2]) if len(more) > 2 and more[2] else ()
    but = _targets(more[3]) if len(more) > 3 and more[3] else ()
    json, order = _flag(more, 4), _flag(more, 5)
    return Message(
        _name(event), _content(data), _typed(text, bool), connection, ticket, also, but, json, order
    )


def _flag(fields: Sequence[Any], place: int) -> bool:
    if len(fields) <= place or fields[place] is None:
        return False
    return _typed(fields[place], bool)


def _connection(value: Any) -> ConnectionID | None:
    return None if value is None else ConnectionID(_number(value))


def _targets(value: Any) -> tuple[Target, ...]:
    targets = _typed(value, list)
    if len(targets) >= MAX_TARGETS:
        raise ProtocolViolation(f"a message of {len(targets)} targets more")
    pairs = (_fields(target, 2) for target in targets)
    return tuple((_name(pair[0]), _connection(pair[1])) for pair in pairs)


def _receipt(value: Any) -> Receipt:
    written, dropped, pending, workers, missing = _fields(value, 5)[:5]
    counts = Counts(_number(written, 0), _number(dropped, 0), _number(pending, 0))
    return Receipt(counts, _number(workers, 0), None if missing is None else _number(missing, 0))
