"""Items of the wire to values and back."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import msgpack
from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.channel import codec, wire
from tpush.channel.inbox import Ledger, Pending
from tpush.channel.items import (
    Answer,
    Assignment,
    Delivery,
    Enqueue,
    Finish,
    Mark,
    Missed,
    Publish,
    Recall,
    Recollection,
    Repeated,
    Request,
    Routed,
    Sync,
)
from tpush.errors import ProtocolViolation
from tpush.message import MAX_ID, ConnectionID, Message, Position, WorkerID
from tpush.recalled import Recalled
from tpush.receipt import MAX_TICKET, Counts, Receipt, Ticket

UNPACK: dict[type[wire.OneWay], Callable[[Iterable[Any]], Iterable[Any]]] = {
    wire.Publish: codec.unpack_publish,
    wire.Answer: codec.unpack_answer,
    wire.Enqueue: codec.unpack_enqueue,
    wire.Done: codec.unpack_done,
    wire.Mark: codec.unpack_mark,
    wire.Sync: codec.unpack_sync,
    wire.Recall: codec.unpack_recall,
    wire.Deliver: codec.unpack_deliver,
    wire.Job: codec.unpack_jobs,
    wire.Routed: codec.unpack_routed,
    wire.Repeated: codec.unpack_repeated,
    wire.Synced: codec.unpack_synced,
    wire.Recalled: codec.unpack_recalled,
    wire.Missed: codec.unpack_missed,
}

numbers = st.integers(1, 2**64 - 1)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
connections = st.none() | st.integers(1, MAX_ID).map(ConnectionID)
tickets = st.binary(max_size=MAX_TICKET).map(Ticket)
contents = st.binary(max_size=20)
targets = st.lists(st.tuples(names, connections), max_size=2).map(tuple)
positions = st.builds(Position, st.text(max_size=9), st.integers(0, 2**64 - 1))
published = (
    names,
    contents,
    st.booleans(),
    connections,
    st.none() | tickets,
    targets,
    targets,
    st.booleans(),
    st.booleans(),
)
asked = st.builds(Message, *published, st.just(()))
messages = st.builds(
    Message, *published, st.lists(st.tuples(names, positions), max_size=2).map(tuple)
)
asked_positions = st.builds(Position, names, st.integers(0, MAX_ID))
places = st.lists(
    st.tuples(names, st.none() | asked_positions),
    max_size=3,
    unique_by=lambda place: (place[0], place[1] and place[1].epoch),
)
counted = st.integers(0, 2**64 - 1)
receipts = st.builds(
    Receipt, st.builds(Counts, counted, counted, counted), counted, st.none() | counted
)
requests = st.one_of(
    st.builds(Publish, asked, st.booleans(), st.just("") | names),
    st.builds(Answer, names, receipts),
    st.builds(Enqueue, names, st.binary(max_size=20)),
    st.builds(Finish, numbers, st.booleans()),
    st.just(Mark()),
    st.just(Sync()),
    st.builds(Recall, places, counted),
)
pending = Pending(Ledger(), 1)
origins = st.binary(min_size=16, max_size=16)


@st.composite
def recollections(draw: st.DrawFn) -> Recollection:
    told = draw(st.lists(messages, max_size=3).map(tuple))
    recalled = Recalled(draw(st.none() | positions), told)
    names = draw(st.lists(st.tuples(origins, numbers), max_size=3))
    return Recollection(draw(numbers), draw(counted), recalled, names)


deliveries = st.one_of(
    st.builds(Delivery, origins, numbers, messages, st.just(pending)),
    st.builds(Routed, tickets, st.lists(st.integers(1, MAX_ID).map(WorkerID), max_size=4)),
    st.builds(Repeated, tickets, st.none() | receipts),
    recollections(),
    st.just(Missed()),
    st.builds(Assignment, numbers, numbers, names, numbers, st.binary(max_size=20), st.booleans()),
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**64 - 1) | st.floats() | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)  # fmt: skip


def travel(items: Any) -> Any:
    """Return *items* as they arrive at the other end."""
    argument = wire.Items()
    return argument.unpack(argument.pack(items))


class RoundTripTests(SynchronousTestCase):
    @cases(80)
    @given(st.lists(st.tuples(numbers, requests), max_size=12))
    def test_requests(self, batch: list[tuple[int, Request]]) -> None:
        """Requests arrive as they were sent, and in the order in which they were sent."""
        arrived: list[tuple[int, Request]] = []
        for command, items in codec.pack_requests(batch):
            arrived += UNPACK[command](travel(items))
        self.assertEqual(arrived, batch)

    @cases(80)
    @given(st.lists(st.tuples(numbers, deliveries), max_size=12))
    def test_deliveries(self, batch: list[tuple[int, Delivery | Assignment | Routed]]) -> None:
        """Messages and jobs arrive as they were sent, and in the order of their sending."""
        arrived: list[Any] = []
        for command, items in codec.pack_deliveries(batch):
            arrived += UNPACK[command](travel(items))
        expected = [
            (number, item.origin, 0 if item.one else item.number, item.message)
            if isinstance(item, Delivery)
            else (number, item.ticket, item.workers)
            if isinstance(item, Routed)
            else (number, item.ticket, item.receipt)
            if isinstance(item, Repeated)
            else number
            if isinstance(item, Missed)
            else (number, item)
            for number, item in batch
        ]
        self.assertEqual(arrived, expected)

    @cases(40)
    @given(tickets, st.integers(1, MAX_ID), st.tuples(*[st.integers(0, 2**40)] * 3), st.binary())
    def test_counts(
        self, ticket: Ticket, worker: int, counts: tuple[int, int, int], reply: bytes
    ) -> None:
        """What a worker tells of a message arrives as it was told."""
        told = ticket, WorkerID(worker), Counts(*counts), reply
        self.assertEqual(codec.unpack_counts(codec.pack_counts(*told)), told)

    def test_runs(self) -> None:
        """A batch is cut where the kind of its items changes, and nowhere else."""
        batch: list[tuple[int, Request]] = [
            (1, Mark()), (2, Mark()), (3, Finish(7, ok=True)), (4, Mark()),
        ]  # fmt: skip
        self.assertEqual(
            [(command, len(items)) for command, items in codec.pack_requests(batch)],
            [(wire.Mark, 2), (wire.Done, 1), (wire.Mark, 1)],
        )
        self.assertEqual(list(codec.pack_requests([])), [])

    @cases(40)
    @given(st.lists(st.tuples(numbers, requests), min_size=1, max_size=4), junk)
    def test_later_version(self, batch: list[tuple[int, Request]], more: object) -> None:
        """Fields that a later version adds behind the last one are passed over."""
        arrived: list[tuple[int, Request]] = []
        for command, items in codec.pack_requests(batch):
            for item in items:
                full = codec.KEY_FIELD + 1 if command is wire.Publish else len(item)
                if len(item) == full:
                    item.append(more)
            arrived += UNPACK[command](travel(items))
        self.assertEqual(arrived, batch)


class ViolationTests(SynchronousTestCase):
    def refuses(self, unpack: Callable[[Iterable[Any]], Iterable[Any]], *items: Any) -> None:
        for item in items:
            with self.assertRaises(ProtocolViolation, msg=repr(item)):
                list(unpack([item]))

    @cases(60)
    @given(st.sampled_from(sorted(UNPACK, key=lambda kind: kind.__name__)), st.lists(junk))
    def test_junk(self, command: type[wire.OneWay], items: list[Any]) -> None:
        """Whatever a peer sends is read or is a violation, nothing else."""
        try:
            list(UNPACK[command](items))
        except ProtocolViolation as violation:
            self.assertLess(len(str(violation)), 200)

    @cases(60)
    @given(st.binary(max_size=30) | junk.map(msgpack.packb))
    def test_junk_for_counts(self, data: bytes) -> None:
        """Whatever comes in place of counts is read or is a violation."""
        with contextlib.suppress(ProtocolViolation):
            codec.unpack_counts(data)

    @cases(60)
    @given(junk)
    def test_junk_for_names(self, junk: Any) -> None:
        """Whatever a peer sends in place of names is a violation, and is told in a short line."""
        for unpack in codec.unpack_names, codec.unpack_watches:
            try:
                unpack([junk])
            except ProtocolViolation as violation:
                self.assertLess(len(str(violation)), 200)

    def test_publish(self) -> None:
        """A publish has a number, flags, a name, and bytes; a connection is a number too."""
        self.refuses(
            codec.unpack_publish,
            None,
            {},
            [],
            [1, False, "event", True],
            [0, False, "event", True, b""],
            [True, False, "event", True, b""],
            [1.0, False, "event", True, b""],
            [1, 0, "event", True, b""],
            [1, False, b"event", True, b""],
            [1, False, "", True, b""],
            [1, False, "x" * 201, True, b""],
            [1, False, "event", 1, b""],
            [1, False, "event", True, "text"],
            [1, False, "event", True, b"", 0],
            [1, False, "event", True, b"", "1"],
            [1, False, "event", True, b"", None, None, [["x", None]] * 100],
            [1, False, "event", True, b"", None, None, None, [["x"]]],
            [1, False, "event", True, b"", None, None, None, [["", None]]],
            [1, False, "event", True, b"", None, None, None, "x"],
            [1, False, "event", True, b"", None, None, None, None, 1],
            [1, False, "event", True, b"", None, None, None, None, None, 1],
            [1, False, "event", True, b"", None, None, None, None, None, None, 5],
            [1, False, "event", True, b"", None, None, None, None, None, None, ""],
        )

    def test_routed(self) -> None:
        """What tells to whom a message went has a number, a ticket, and worker ids."""
        long = b"x" * (MAX_TICKET + 1)
        self.refuses(
            codec.unpack_routed,
            [1, b"ticket"],
            [0, b"ticket", []],
            [1, "ticket", []],
            [1, long, []],
            [1, b"ticket", ""],
            [1, b"ticket", {1: 2}],
            [1, b"ticket", [0]],
            [1, b"ticket", ["1"]],
        )
        self.refuses(codec.unpack_publish, [1, False, "event", True, b"", None, long])

    def test_told(self) -> None:
        """What a worker tells has a ticket, its id, and counts; a later version may tell more."""
        for said in (
            [b"ticket", 1, 0, 0],
            [b"ticket", 0, 0, 0, 0],
            [b"ticket", 1, -1, 0, 0],
            [b"ticket", 1, 0, 0.5, 0],
            [b"ticket", 1, 0, 0, True],
            [b"x" * (MAX_TICKET + 1), 1, 0, 0, 0],
            [b"ticket", 1, 0, 0, 0, "text"],
        ):
            with self.assertRaises(ProtocolViolation, msg=repr(said)):
                codec.unpack_counts(msgpack.packb(said))
        told = codec.unpack_counts(msgpack.packb([b"ticket", 7, 1, 2, 3, b"", "more"]))
        self.assertEqual(told, (b"ticket", 7, Counts(1, 2, 3), b""))

    def test_enqueue(self) -> None:
        """A job has a number, a name with room for its queue of failed jobs, and bytes."""
        self.refuses(
            codec.unpack_enqueue,
            [1, "queue"],
            [0, "queue", b""],
            [1, "x" * 194, b""],
            [1, None, b""],
            [1, "queue", "text"],
        )
        self.assertEqual(len(list(codec.unpack_enqueue([[1, "x" * 193, b""]]))), 1)

    def test_done(self) -> None:
        """An outcome has a number, the job's, and whether it is done."""
        self.refuses(codec.unpack_done, [1, 1], [0, 1, True], [1, 0, True], [1, 1, None])

    def test_mark(self) -> None:
        """A mark has a number."""
        self.refuses(codec.unpack_mark, 1, [], [0], ["1"], [-1])

    def test_deliver(self) -> None:
        """A delivery has a number, its origin with its number, and a message."""
        self.refuses(
            codec.unpack_deliver,
            [1, b"o", 1, "event", True],
            [0, b"o", 1, "event", True, b""],
            [1, "o", 1, "event", True, b""],
            [1, b"o", -1, "event", True, b""],
            [1, b"o", 1, None, True, b""],
        )

    def test_jobs(self) -> None:
        """A job that is handed out has seven fields, each of its type."""
        good = [1, 2, 3, "queue", 1, b"", False]
        self.assertEqual(len(list(codec.unpack_jobs([good]))), 1)
        bad = [0, 0, 0, b"queue", 0, "", 0]
        self.refuses(
            codec.unpack_jobs,
            good[:6],
            *([*good[:at], bad[at], *good[at + 1 :]] for at in range(7)),
        )

    def test_watches(self) -> None:
        """A watch has a name with room for its queue of failed jobs, and whether it asks."""
        self.assertEqual(codec.unpack_watches([["q", True]]), [("q", True)])
        self.refuses(
            codec.unpack_watches, "qa", ["q"], [1, True], ["x" * 194, True], ["q", 1], ["", True]
        )

    def test_names(self) -> None:
        """A name is a str of 1 to 200 bytes."""
        self.assertEqual(codec.unpack_names(["a", "é" * 100]), ["a", "é" * 100])
        self.refuses(codec.unpack_names, b"a", "", "é" * 101, None, ["a"])


class ItemsTests(SynchronousTestCase):
    def test_long_values(self) -> None:
        """A value of any length arrives, in as many pieces as it takes."""
        for size in (0, 1, 65535, 65536, 2 * 65535, 3_000_000):
            value = bytes(range(256)) * (size // 256 + 1)
            value = value[:size]
            strings: dict[bytes, bytes] = {}
            argument = wire.LongBytes()
            argument.toBox(b"data", strings, {"data": value}, None)
            self.assertTrue(all(len(piece) <= 65535 for piece in strings.values()))
            arrived: dict[str, bytes] = {}
            argument.fromBox(b"data", strings, arrived, None)
            self.assertEqual((arrived["data"], strings), (value, {}))

    def test_whole_command(self) -> None:
        """A command with a long value can be told from its box."""
        items = [[1, False, "event", True, bytes(200_000)]]
        box = wire.Publish.makeArguments({"items": items, "acknowledged": None}, None)
        self.assertEqual(
            wire.Publish.parseArguments(box, None), {"items": items, "acknowledged": None}
        )

    def test_not_msgpack(self) -> None:
        """What is no list in msgpack is a violation, whatever it is."""
        for value in (
            b"",
            b"\xc1",
            b"\x92\x01",
            msgpack.packb([1]) + b"x",
            msgpack.packb({}),
            msgpack.packb(7),
            b"\xa1\xff",
            b"\xdd\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
            b"\x91" * 5000,
            b"\x91\x81\x90\x01",
            b"\x91\x81\x01\x01",
            b"\x91\xd6\xff\x00",
            b"\x91\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x91\xc7\x0c\xff" + b"\xff" * 12,
        ):
            try:
                wire.Items().unpack(value)
            except ProtocolViolation:
                continue
            # What unpacks to a list of something odd is found by the codec.
            for unpack in UNPACK.values():
                with self.assertRaises(ProtocolViolation, msg=repr(value)):
                    list(unpack(wire.Items().unpack(value)))

    @cases(150)
    @given(st.binary(max_size=40))
    def test_any_bytes(self, value: bytes) -> None:
        """Any bytes are a list or a violation."""
        with contextlib.suppress(ProtocolViolation):
            self.assertIsInstance(wire.Items().unpack(value), list)

    def test_all_one_way(self) -> None:
        """No command of the protocol has an answer."""
        kinds = [kind for kind in vars(wire).values() if isinstance(kind, type)]
        for kind in kinds:
            if issubclass(kind, amp.Command) and kind is not amp.Command:
                self.assertFalse(kind.requiresAnswer, kind)
