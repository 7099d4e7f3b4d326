"""Bodies of multipart/form-data."""

# ruff: noqa: N802 - assertions are named as trial's own

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.publisher.errors import BadRequest
from tpush.publisher.multipart import parse_multipart

CUT = "a multipart body that is not cut up by its boundary"
BOUNDARY = "a multipart body has a boundary of 1 to 70 bytes"


def parse(body: bytes, parameters: bytes = b"; boundary=B") -> list[tuple[bytes, bytes]]:
    return list(parse_multipart(parameters, body, 3))


def field(value: bytes, head: bytes = b'Content-Disposition: form-data; name="a"') -> bytes:
    return b"--B\r\n%b\r\n\r\n%b\r\n" % (head, value)


class MultipartTests(SynchronousTestCase):
    def assertReason(self, reason: str, body: bytes, parameters: bytes = b"; boundary=B") -> None:
        """Check that a body is refused."""
        error = self.assertRaises(BadRequest, parse, body, parameters)
        self.assertEqual(str(error), reason)

    def test_none(self) -> None:
        """A form may have no fields."""
        self.assertEqual(parse(b"--B--\r\n"), [])
        self.assertEqual(parse(b"--B--"), [])

    def test_fields(self) -> None:
        """Fields come in order, each with its bytes as they are."""
        body = field(b"1") + field(b"\0\r\n--\r\n\xff") + field(b"") + b"--B--\r\n"
        self.assertEqual(parse(body), [(b"a", b"1"), (b"a", b"\0\r\n--\r\n\xff"), (b"a", b"")])

    def test_around(self) -> None:
        """What is before the first boundary and after the last is no part."""
        body = b"before\r\n" + field(b"1") + b"--B-- \r\nafter\r\n" + field(b"2")
        self.assertEqual(parse(body), [(b"a", b"1")])

    def test_spaces_after_boundary(self) -> None:
        """Spaces may follow a boundary."""
        self.assertEqual(
            parse(field(b"1").replace(b"--B\r\n", b"--B \t\r\n") + b"--B--"), [(b"a", b"1")]
        )

    def test_names(self) -> None:
        """A field's name is found however it is written."""
        for head, name in (
            (b'content-disposition:form-data;name="a b"', b"a b"),
            (b"CONTENT-DISPOSITION: FORM-DATA; NAME=a", b"a"),
            (b'Content-Disposition: form-data ; name="a\\"b"', b'a"b'),
            (b'Content-Disposition: form-data; filename="; name=\\"x\\""; name=a', b"a"),
            (b'Content-Type: text/plain\r\nContent-Disposition: form-data; name="a"', b"a"),
            (b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain', b"a"),
        ):
            self.assertEqual(parse(field(b"1", head) + b"--B--"), [(name, b"1")], head)

    def test_nameless(self) -> None:
        """A part without a name is no field."""
        for head in (
            b"X: y",
            b"Content-Disposition: form-data",
            b'Content-Disposition: form-data; name=""',
            b'Content-Disposition: form-data; name="a',
            b'Content-Disposition: attachment; name="a"',
            b"Content-Disposition: form-data; name*=utf-8''a",
        ):
            self.assertEqual(parse(field(b"1", head) + b"--B--"), [], head)

    def test_headless(self) -> None:
        """A part may have no head."""
        self.assertEqual(parse(b"--B\r\n\r\n1\r\n--B--"), [])

    def test_boundaries(self) -> None:
        """A boundary is found however it is written."""
        for parameters, boundary in (
            (b'; boundary="a b"', b"a b"),
            (b"; charset=utf-8; BOUNDARY=a/b:c", b"a/b:c"),
            (b';boundary="%b"' % (b"x" * 70), b"x" * 70),
        ):
            body = field(b"1").replace(b"--B", b"--" + boundary) + b"--" + boundary + b"--"
            self.assertEqual(parse(body, parameters), [(b"a", b"1")], parameters)

    def test_no_boundary(self) -> None:
        """Without a boundary, or with one that is too long, nothing is read."""
        for parameters in (
            b"",
            b";",
            b"; charset=utf-8",
            b'; boundary=""',
            b"; boundary=" + b"x" * 71,
        ):
            self.assertReason(BOUNDARY, field(b"1") + b"--B--", parameters)

    def test_not_cut_up(self) -> None:
        """A body is refused where the boundary does not cut it up, or where its end is missing."""
        for body in (
            b"content=X",
            b"",
            field(b"1"),
            field(b"1").replace(b"--B", b"--Bx") + b"--B--",
            b"--B\r\nno blank line\r\n--B--",
        ):
            self.assertReason(CUT, body)

    def test_too_many(self) -> None:
        """As many parts as may be are read, one more is not."""
        self.assertEqual(len(parse(field(b"1") * 3 + b"--B--")), 3)
        self.assertReason("more than 3 fields", field(b"1") * 5 + b"--B--")

    @given(st.lists(st.binary().filter(lambda value: b"\r\n--B" not in value), max_size=3))
    @cases(200)
    def test_any_values(self, values: list[bytes]) -> None:
        """Any bytes that do not hold the boundary are a value."""
        body = b"".join(map(field, values)) + b"--B--\r\n"
        self.assertEqual(parse(body), [(b"a", value) for value in values])

    @given(
        st.lists(st.sampled_from([b"--B", b"--", b"\r\n", b'; name="', b'"', b":", b"a", b"\\"]))
    )
    @cases(500)
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Any bytes are read or refused, and nothing else happens."""
        head = b"\r\nContent-Disposition: form-data"
        for body in (b"".join(pieces), b"--B" + head + b"".join(pieces)):
            try:
                parse(body, b"; boundary=B" + b"".join(pieces))
            except BadRequest as error:
                self.assertIn(str(error), {CUT, BOUNDARY, "more than 3 fields"})
