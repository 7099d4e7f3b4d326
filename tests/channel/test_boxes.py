"""Boxes are read out of a stream in whatever pieces it comes, up to their bounds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.channel import wire
from tpush.channel.boxes import MAX_KEY, Box, Boxes
from tpush.errors import ProtocolViolation

BOUND = 1000

boxes = st.dictionaries(
    st.binary(min_size=1, max_size=MAX_KEY), st.binary(max_size=300), min_size=1, max_size=3
).filter(lambda box: sum(4 + len(key) + len(value) for key, value in box.items()) < BOUND)


def read_all(reader: Boxes, *pieces: bytes) -> list[dict[bytes, bytes]]:
    return [box for piece in pieces for box in reader.read(piece)]


class BoxesTests(SynchronousTestCase):
    @cases(200)
    @given(st.lists(boxes, max_size=4), st.lists(st.integers(0, 2000)))
    def test_pieces(self, sent: list[dict[bytes, bytes]], cuts: list[int]) -> None:
        """Boxes arrive whole and in order, in pieces of any size."""
        stream = b"".join(Box(box).serialize() for box in sent)
        edges = [0, *sorted(cuts), len(stream)]
        pieces = [stream[start:end] for start, end in pairwise(edges)]
        self.assertEqual(read_all(Boxes(BOUND), *pieces), sent)

    @cases(100)
    @given(boxes)
    def test_as_twisted_has_it(self, box: dict[bytes, bytes]) -> None:
        """A box is written as Twisted writes it, and read as Twisted reads it."""
        serialized = Box(box).serialize()
        self.assertEqual(serialized, amp.AmpBox(box).serialize())
        self.assertEqual(read_all(Boxes(BOUND), serialized), amp.parseString(serialized))

    def test_byte_by_byte(self) -> None:
        """A box is read where no two of its bytes arrive together."""
        stream = Box({b"key": b"value", b"empty": b""}).serialize()
        pieces = (stream[at : at + 1] for at in range(len(stream)))
        self.assertEqual(read_all(Boxes(BOUND), *pieces), [{b"key": b"value", b"empty": b""}])

    def test_bound(self) -> None:
        """A box has as many bytes as it may, each box for itself, and not one more."""
        around = len(Box({b"k": b""}).serialize())
        fits = Box({b"k": b"x" * (BOUND - around)}).serialize()
        reader = Boxes(BOUND)
        self.assertEqual(len(read_all(reader, fits, fits)), 2)
        with self.assertRaises(ProtocolViolation):
            read_all(reader, Box({b"k": b"x" * (BOUND - around + 1)}).serialize())

    def test_long_key(self) -> None:
        """A key that is too long is a violation before it has arrived."""
        with self.assertRaises(ProtocolViolation):
            read_all(Boxes(BOUND), b"\x01\x00")

    def test_earlier_boxes(self) -> None:
        """Boxes before a violation are read."""
        reading = Boxes(BOUND).read(b"\0\x01k\0\x01v\0\0" + b"\x01\x00")
        self.assertEqual(next(reading), {b"k": b"v"})
        with self.assertRaises(ProtocolViolation):
            next(reading)


class BoxTests(SynchronousTestCase):
    def test_long_value(self) -> None:
        """A value that no box carries is refused where it would be sent."""
        with self.assertRaises(amp.TooLong):
            Box({b"k": b"x" * 65536}).serialize()

    def test_no_such_argument(self) -> None:
        """An argument that a command does not have is refused, not left out."""
        with self.assertRaises(amp.InvalidSignature):
            wire.Acknowledge.makeArguments({"acknowledged": 1, "more": 1}, None)

    def test_missing_argument(self) -> None:
        """An argument may be missing where it is optional, and nowhere else."""
        box = wire.Publish.makeArguments({"items": []}, None)
        self.assertEqual(
            wire.Publish.parseArguments(box, None), {"items": [], "acknowledged": None}
        )
        with self.assertRaises(KeyError):
            wire.Acknowledge.makeArguments({}, None)
        with self.assertRaises(KeyError):
            wire.Acknowledge.parseArguments({}, None)
