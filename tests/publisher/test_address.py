"""Where to, as the fields say it."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.message import MAX_ID
from tpush.publisher.address import destination
from tpush.publisher.errors import BadRequest
from tpush.publisher.form import Fields


def address(worker: bytes, connection: bytes) -> Fields:
    return {b"to_worker_id": worker, b"to_connection_id": connection}


class DestinationTests(SynchronousTestCase):
    def test_broadcast(self) -> None:
        """Without an address it is all connections."""
        self.assertEqual(destination({b"content": b"X"}), ("broadcast", None))

    def test_one_connection(self) -> None:
        """With both ids it is that connection of that worker."""
        self.assertEqual(destination(address(b"12", b"3")), ("worker/12", 3))

    def test_half_an_address(self) -> None:
        """One id without the other is an error, and never a broadcast."""
        for name in (b"to_worker_id", b"to_connection_id"):
            for value in (b"1", b""):
                error = self.assertRaises(BadRequest, destination, {name: value})
                self.assertEqual(str(error), "to_worker_id and to_connection_id go together")

    def test_bounds(self) -> None:
        """Ids count from 1 to the largest that a JavaScript number holds."""
        event, connection = destination(address(b"%d" % MAX_ID, b"%d" % MAX_ID))
        self.assertEqual((event, connection), (f"worker/{MAX_ID}", MAX_ID))
        for value in (b"0", b"%d" % (MAX_ID + 1), b"9" * 16, b"9" * 5000):
            with self.assertRaises(BadRequest):
                destination(address(value, b"1"))

    def test_names_the_field(self) -> None:
        """The reason names the field, and shows nothing of its value."""
        for fields, name in (
            (address(b"<script>", b"1"), "to_worker_id"),
            (address(b"1", b"<script>"), "to_connection_id"),
        ):
            error = self.assertRaises(BadRequest, destination, fields)
            self.assertEqual(str(error), f"{name} is a whole number from 1 to {MAX_ID}")

    def test_no_number(self) -> None:
        """What Python might take for a number is none here: a sign, spaces, underscores."""
        for value in (
            b"",
            b"+1",
            b"-1",
            b" 1",
            b"1 ",
            b"1\n",
            b"1_0",
            b"01",
            b"1.0",
            b"1e3",
            b"0x1",
        ):
            for fields in (address(value, b"1"), address(b"1", value)):
                with self.assertRaises(BadRequest):
                    destination(fields)

    def test_digits_of_other_scripts(self) -> None:
        """Digits are ASCII digits."""
        with self.assertRaises(BadRequest):
            destination(address("٣".encode(), b"1"))

    @given(st.one_of(st.binary(), st.integers(-10, 2**54).map(lambda number: b"%d" % number)))
    @cases(300)
    def test_any_bytes(self, value: bytes) -> None:
        """An id is taken exactly if it is how Python writes a number within the bounds."""
        taken = value in (b"%d" % number for number in _numbers(value) if 1 <= number <= MAX_ID)
        try:
            destination(address(value, b"1"))
        except BadRequest:
            self.assertFalse(taken)
        else:
            self.assertTrue(taken)


def _numbers(value: bytes) -> list[int]:
    try:
        return [int(value)]
    except ValueError:
        return []
