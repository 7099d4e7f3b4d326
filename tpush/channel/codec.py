"""Items of the wire to values and back.

Each direction of a link is one numbered stream of several kinds of items. Packing cuts a batch
into runs of one kind, so that each run is one command and the order is kept; unpacking checks
every type, as the peer may send anything.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

import msgpack

from tpush.channel import values, wire
from tpush.channel.items import (
    Answer,
    Assignment,
    Delivery,
    Enqueue,
    Finish,
    Mark,
    Missed,
    Outgoing,
    Publish,
    Recall,
    Recollection,
    Rejection,
    Repeated,
    Request,
    Routed,
    Sync,
    Synced,
)
from tpush.errors import ProtocolViolation
from tpush.message import Message, WorkerID
from tpush.recalled import Recalled
from tpush.receipt import Counts, Receipt, Ticket

KEY_FIELD = 11
"""Where an item of :class:`wire.Publish` has its key."""

Command = type[wire.OneWay]


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


def _pack_publish(number: int, publish: Publish) -> list[Any]:
    fields = [number, publish.one, *values.pack_message(publish.message)]
    if publish.key:
        fields += [None] * (KEY_FIELD - len(fields))
        fields.append(publish.key)
    return fields


def _pack_recall(number: int, recall: Recall) -> list[Any]:
    places = [(event, *values.pack_position(position)) for event, position in recall.places]
    return [number, recall.most, places]


def _pack_recollection(number: int, item: Recollection) -> list[Any]:
    position = values.pack_position(item.recalled.position)
    messages = [values.pack_message(message) for message in item.recalled.messages]
    return [number, item.number, item.index, *position, messages, item.names]


_PACK_REQUEST: dict[type, tuple[Command, Callable[[int, Any], list[Any]]]] = {
    Publish: (wire.Publish, _pack_publish),
    Answer: (wire.Answer, lambda n, it: [n, it.key, values.pack_receipt(it.receipt)]),
    Enqueue: (wire.Enqueue, lambda n, it: [n, it.queue, it.data]),
    Finish: (wire.Done, lambda n, it: [n, it.job, it.ok]),
    Mark: (wire.Mark, lambda n, it: [n]),
    Sync: (wire.Sync, lambda n, it: [n]),
    Recall: (wire.Recall, _pack_recall),
}
_PACK_DELIVERY: dict[type, tuple[Command, Callable[[int, Any], list[Any]]]] = {
    Delivery: (
        wire.Deliver,
        lambda n, it: [n, it.origin, 0 if it.one else it.number, *values.pack_message(it.message)],
    ),
    Assignment: (
        wire.Job,
        lambda n, it: [n, it.number, it.job, it.queue, it.attempt, it.data, it.asked],
    ),
    Rejection: (wire.Reject, lambda n, it: [n, it.number, it.code, it.reason]),
    Routed: (wire.Routed, lambda n, it: [n, it.ticket, list(it.workers)]),
    Synced: (wire.Synced, lambda n, it: [n, it.number]),
    Recollection: (wire.Recalled, _pack_recollection),
    Missed: (wire.Missed, lambda n, it: [n]),
    Repeated: (wire.Repeated, lambda n, it: [n, it.ticket, values.pack_receipt(it.receipt)]),
}


def unpack_publish(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Publish`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, one, *fields = values.fields(item, 5)[:KEY_FIELD]
        key = item[KEY_FIELD] if len(item) > KEY_FIELD else None
        message, key = values.message(fields), "" if key is None else values.name(key)
        yield values.number(number), Publish(message, values.typed(one, bool), key)


def unpack_answer(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Answer`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, key, receipt = values.fields(item, 3)[:3]
        yield values.number(number), Answer(values.name(key), values.receipt(receipt))


def unpack_enqueue(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Enqueue`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, queue, data = values.fields(item, 3)[:3]
        yield values.number(number), Enqueue(values.queue(queue), values.content(data))


def unpack_done(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Done`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, job, ok = values.fields(item, 3)[:3]
        yield values.number(number), Finish(values.number(job), values.typed(ok, bool))


def unpack_mark(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Mark`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        yield values.number(values.fields(item, 1)[0]), Mark()


def unpack_sync(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Sync`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        yield values.number(values.fields(item, 1)[0]), Sync()


def unpack_recall(items: Iterable[Any]) -> Iterator[tuple[int, Request]]:
    """Read the items of :class:`wire.Recall`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, most, places = values.fields(item, 3)[:3]
        known = values.places(places)
        yield values.number(number), Recall(known, values.number(most, 0))


def unpack_recalled(items: Iterable[Any]) -> Iterator[tuple[int, Recollection]]:
    """Read the items of :class:`wire.Recalled`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, request, index, epoch, offset, messages, names = values.fields(item, 7)[:7]
        said = (values.fields(message, 3) for message in values.typed(messages, list))
        told = tuple(values.message(message) for message in said)
        recalled = Recalled(values.position(epoch, offset), told)
        place, known = values.number(index, 0), [_name(each) for each in values.typed(names, list)]
        yield values.number(number), Recollection(values.number(request), place, recalled, known)


def unpack_synced(items: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Read the items of :class:`wire.Synced`: number, request's number.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, request = values.fields(item, 2)[:2]
        yield values.number(number), values.number(request)


def unpack_missed(items: Iterable[Any]) -> Iterator[int]:
    """Read the items of :class:`wire.Missed`: number.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        yield values.number(values.fields(item, 1)[0])


def unpack_deliver(items: Iterable[Any]) -> Iterator[tuple[int, bytes, int, Message]]:
    """Read the items of :class:`wire.Deliver`: number, origin, its number, message.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, *name, event, text, data = values.fields(item, 6)[:6]
        message = values.message([event, text, data, *item[6:]])
        yield values.number(number), *_name(name), message


def _name(value: Any) -> tuple[bytes, int]:
    """Read what names a message: the key and the number of its publisher."""
    origin, sequence = values.fields(value, 2)[:2]
    return values.typed(origin, bytes), values.number(sequence, 0)


def unpack_jobs(items: Iterable[Any]) -> Iterator[tuple[int, Assignment]]:
    """Read the items of :class:`wire.Job`.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, sequence, job, queue, attempt, data, asked = values.fields(item, 7)[:7]
        yield (
            values.number(number),
            Assignment(
                values.number(sequence),
                values.number(job),
                values.typed(queue, str),
                values.number(attempt),
                values.typed(data, bytes),
                values.typed(asked, bool),
            ),
        )


def unpack_reject(items: Iterable[Any]) -> Iterator[tuple[int, int, str, str]]:
    """Read the items of :class:`wire.Reject`: number, request's number, code, reason.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, request, code, reason = values.fields(item, 4)[:4]
        yield (
            values.number(number),
            values.number(request),
            values.typed(code, str),
            values.typed(reason, str),
        )


def unpack_routed(items: Iterable[Any]) -> Iterator[tuple[int, Ticket, list[WorkerID]]]:
    """Read the items of :class:`wire.Routed`: number, ticket, workers.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, ticket, workers = values.fields(item, 3)[:3]
        ids = [values.worker(worker) for worker in values.typed(workers, list)]
        yield values.number(number), values.ticket(ticket), ids


def unpack_repeated(items: Iterable[Any]) -> Iterator[tuple[int, Ticket, Receipt | None]]:
    """Read the items of :class:`wire.Repeated`: number, ticket, receipt.

    Raises:
        ProtocolViolation: an item is not as it should be.
    """
    for item in items:
        number, ticket, receipt = values.fields(item, 3)[:3]
        yield (
            values.number(number),
            values.ticket(ticket),
            None if receipt is None else values.receipt(receipt),
        )


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
    ticket, worker, *counts = values.fields(said, 5)[:5]
    told = Counts(*(values.number(count, 0) for count in counts))
    reply = values.content(said[5]) if len(said) > 5 else b""
    return values.ticket(ticket), values.worker(worker), told, reply


def unpack_names(names: Iterable[Any]) -> list[str]:
    """Read the names of events or queues.

    Raises:
        ProtocolViolation: one cannot be a name.
    """
    return [values.name(name) for name in names]


def unpack_watches(watches: Iterable[Any]) -> list[tuple[str, bool]]:
    """Read the queues of :class:`wire.Watch`, each with whether it asks.

    Raises:
        ProtocolViolation: one is not as it should be.
    """
    pairs = (values.fields(watch, 2) for watch in watches)
    return [(values.queue(pair[0]), values.typed(pair[1], bool)) for pair in pairs]
