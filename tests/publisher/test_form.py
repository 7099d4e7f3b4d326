"""The fields of a URL or a form."""

from urllib.parse import quote_from_bytes, urlencode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.publisher.errors import BadRequest, UnsupportedBody
from tpush.publisher.form import parse_form, parse_query

BYTES = st.binary(max_size=8)


class QueryTests(SynchronousTestCase):
    def test_empty(self) -> None:
        """Nothing has no fields, however many separators it has."""
        self.assertEqual(parse_query(b""), {})
        self.assertEqual(parse_query(b"&&"), {})

    def test_fields(self) -> None:
        """Names and values are decoded, each byte by itself."""
        self.assertEqual(
            parse_query(b"content=a+b%20%C3%A9%00&%74o=1%2B1"),
            {b"content": "a b é\0".encode(), b"to": b"1+1"},
        )

    def test_name_alone(self) -> None:
        """A name without a value is there, and its value is empty."""
        self.assertEqual(
            parse_query(b"to_worker_id&content="), {b"to_worker_id": b"", b"content": b""}
        )

    def test_repeated(self) -> None:
        """The last value of a repeated field counts, even if it is empty."""
        self.assertEqual(parse_query(b"a=1&b=2&a=3"), {b"a": b"3", b"b": b"2"})
        self.assertEqual(parse_query(b"a=1&a="), {b"a": b""})

    def test_semicolon(self) -> None:
        """A semicolon separates nothing: a content may have one."""
        self.assertEqual(parse_query(b"content=a;b=c"), {b"content": b"a;b=c"})

    def test_equals_sign(self) -> None:
        """Only the first equals sign of a field separates."""
        self.assertEqual(parse_query(b"content=a=b"), {b"content": b"a=b"})

    def test_broken_escape(self) -> None:
        """What looks like an escape and is none stays as it is."""
        self.assertEqual(
            parse_query(b"content=100%&x=%zz%4"), {b"content": b"100%", b"x": b"%zz%4"}
        )

    def test_most_fields(self) -> None:
        """A thousand fields are read."""
        query = b"&".join(b"%d=" % number for number in range(1000))
        self.assertEqual(len(parse_query(query)), 1000)

    def test_too_many_fields(self) -> None:
        """More than that are not, whatever they are."""
        error = self.assertRaises(BadRequest, parse_query, b"&" * 1000)
        self.assertEqual(str(error), "more than 1000 fields")

    @given(st.lists(st.tuples(BYTES, BYTES), max_size=10))
    @cases(200)
    def test_encoded_by_others(self, pairs: list[tuple[bytes, bytes]]) -> None:
        """What the standard library encodes comes back."""
        self.assertEqual(parse_query(urlencode(pairs).encode()), dict(pairs))

    @given(st.dictionaries(BYTES, BYTES, max_size=10))
    @cases(200)
    def test_escaped_bytes(self, fields: dict[bytes, bytes]) -> None:
        """Every byte can be escaped."""
        escaped = [(quote_from_bytes(name), quote_from_bytes(fields[name])) for name in fields]
        query = "&".join(f"{name}={value}" for name, value in escaped)
        self.assertEqual(parse_query(query.encode()), fields)


class FormTests(SynchronousTestCase):
    def test_urlencoded(self) -> None:
        """The usual form is read as a query is, whatever it says of its charset."""
        for kind in (
            b"application/x-www-form-urlencoded",
            b"Application/X-WWW-Form-URLEncoded",
            b"application/x-www-form-urlencoded ; charset=UTF-8",
        ):
            self.assertEqual(parse_form(kind, b"content=a+b"), {b"content": b"a b"})

    def test_multipart(self) -> None:
        """A multipart form is read; the last value of a repeated field counts."""
        part = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n%d\r\n'
        body = part % 1 + part % 2 + b"--B--\r\n"
        self.assertEqual(parse_form(b"multipart/form-data; boundary=B", body), {b"a": b"2"})
        self.assertEqual(parse_form(b"Multipart/Form-Data;boundary=B", body), {b"a": b"2"})

    def test_other(self) -> None:
        """No other content type is read, and neither is a body without one."""
        for kind in (b"", b"text/plain", b"application/json", b"multipart/mixed; boundary=B"):
            error = self.assertRaises(UnsupportedBody, parse_form, kind, b"content=X")
            self.assertEqual(
                str(error), "a body is application/x-www-form-urlencoded or multipart/form-data"
            )
