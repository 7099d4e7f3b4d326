"""Whatever fields a request has, and however they come: what a plain model says is published."""

from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st
from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from tests.channel.properties import cases
from tests.publisher.client import FORM, Answer, Published, SiteTestCase, head
from tpush.message import MAX_ID

Pairs = Sequence[tuple[bytes, bytes]]

NAMES = (b"content", b"to_worker_id", b"to_connection_id")
TOKENS = (
    *NAMES,
    *(name + b"=" for name in NAMES),
    *(b"&%b=" % name for name in NAMES),
    b"to_worker_id=7&to_connection_id=8&content=",
    b"content=a+b",
    b"&",
    b"=",
    b";",
    b"+",
    b"%",
    b"%2",
    b"%zz",
    b"%26",
    b"%3D",
    b"%2B",
    b"%25",
    b"%00",
    b"%C3%A9",
    b"%FF",
    b"%63ontent=",
    b"to_worker%5Fid",
    b"0",
    b"1",
    b"%31",
    b"12",
    b"-1",
    b"%d" % MAX_ID,
    b"%d" % (MAX_ID + 1),
    b"x",
    b"\xc3\xa9",
    b"\xff",
)
queries = st.lists(st.sampled_from(TOKENS), max_size=8).map(b"".join)
forms = st.lists(st.sampled_from((*TOKENS, b"\0", b"\r\n", b" ", b"?", b"#")), max_size=8)
TEXTS = (
    b"",
    b"0",
    b"1",
    b"7",
    b"1_0",
    b"+1",
    b" 1",
    b"1 \t",
    b"\r\n--",
    b"\xff",
    b"a&content=b",
    b"%41",
)
values = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.binary(max_size=20),
    st.integers(-1, MAX_ID + 1).map(lambda number: b"%d" % number),
)
pairs = st.lists(
    st.tuples(st.sampled_from((*NAMES[:1] * 6, *NAMES, b"x", b'a"b', b"a;b=c")), values), max_size=5
)


def parsed(query: bytes) -> Pairs:
    """Read a query, as the standard library does."""
    read = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in read]


def number(value: bytes) -> int | None:
    """Return an id, if this is how it is written."""
    if not (value.isascii() and value.isdigit()) or value != b"%d" % int(value):
        return None
    return int(value) if 1 <= int(value) <= MAX_ID else None


def expected(pairs: Pairs) -> tuple[int, list[Published]]:
    """Return the status for these fields, of which the last count, and what is published."""
    fields = dict(pairs)
    ids = [number(fields[name]) for name in NAMES[1:] if name in fields]
    if len(ids) == 1 or None in ids:
        return 400, []
    content = fields.get(NAMES[0], b"")
    try:
        content.decode()
    except UnicodeDecodeError:
        return 400, []
    if not content:
        return 200, []
    worker, connection = ids or (None, None)
    event = "broadcast" if worker is None else f"worker/{worker}"
    return 200, [(event, content, True, connection)]


def multipart(pairs: Pairs, files: Iterable[bool]) -> tuple[bytes, bytes]:
    """Write a form as urllib3 does; return it and its content type."""
    parts = []
    for (name, value), file in zip(pairs, files, strict=False):
        part = RequestField(name.decode(), value, "x.bin" if file else None)
        part.make_multipart(content_type="application/octet-stream" if file else None)
        parts.append(part)
    body, kind = encode_multipart_formdata(parts)
    return body, kind.encode()


class FieldTests(SiteTestCase):
    def check(self, answer: Answer, pairs: Pairs) -> None:
        """Check an answer, and what was published, against the model."""
        status, published = expected(pairs)
        self.assertEqual((answer.status, self.channel.published), (status, published))
        self.channel.published.clear()

    @given(queries)
    @cases(250)
    def test_query(self, query: bytes) -> None:
        """Fields in the URL."""
        self.check(self.client.get(b"/?" + query), parsed(query))

    @given(queries, forms.map(b"".join), st.integers(1, 30))
    @cases(250)
    def test_form(self, query: bytes, form: bytes, size: int) -> None:
        """Fields in a form count before those in the URL, in however many chunks it comes."""
        pairs = [*parsed(query), *parsed(form)]
        self.check(self.client.post(form, target=b"/?" + query), pairs)
        parts = [form[at : at + size] for at in range(0, len(form), size)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        coded = (b"Content-Type: " + FORM, b"Transfer-Encoding: chunked")
        start = head(b"POST /?" + query, *coded)
        self.check(self.client.ask(start + chunks + b"0\r\n\r\n"), pairs)

    @given(queries, pairs, st.lists(st.booleans(), min_size=5, max_size=5))
    @cases(250)
    def test_multipart(self, query: bytes, pairs: Pairs, files: list[bool]) -> None:
        """So do those in a form of several parts, whose values are any bytes; files are fields."""
        body, kind = multipart(pairs, files)
        named = [(name.replace(b'"', b"%22"), value) for name, value in pairs]
        answer = self.client.post(body, kind, b"/?" + query)
        self.check(answer, [*parsed(query), *named])
