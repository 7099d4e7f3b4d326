"""Where each request ends: where h11 says, or the answer is 400 and the connection closes.

Two servers that read one stream differently are how a request is hidden in another.
"""

# ruff: noqa: N802 - assertions are named as trial's own

import gc
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes
from weakref import WeakSet

import h11
from typing_extensions import override

from tests.channel.properties import randoms, told
from tests.publisher.client import Answer, Client, SiteTestCase, TCPTransport, read_answer
from tests.publisher.streams import Writer, pieces
from tpush.publisher.request import PublisherRequest
from tpush.publisher.site import PublisherSite

Message = tuple[bytes, bytes, bytes]
"""Method, target and body."""

TYPED = re.compile(rb"\S+ ([^\x00-\x20\x7f]+) HTTP/1\.[01]\r\n")
ABSOLUTE = re.compile(rb"https?://[^/?]*", re.IGNORECASE)
VISIBLE = bytes(range(0x21, 0x7F)).decode()
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SERVED = {200, 400, 403, 404, 405, 413, 415}


def escaped(stream: bytes) -> bytes:
    """Escape what is not ASCII in the first request line: curl sends what was typed."""
    line = TYPED.match(stream)
    if line is None:
        return stream
    target = quote_from_bytes(line[1], VISIBLE).encode()
    return stream[: line.start(1)] + target + stream[line.end(1) :]


def origin_form(target: bytes) -> bytes:
    """Return path and query of a target."""
    authority = ABSOLUTE.match(target)
    return target if authority is None else b"/" + target[authority.end() :].removeprefix(b"/")


def read_one(connection: h11.Connection) -> Message:
    """Return the next request.

    Raises:
        h11.RemoteProtocolError: it is malformed, or there is more to come.
    """
    request = connection.next_event()
    if not isinstance(request, h11.Request):
        raise h11.RemoteProtocolError("no whole head")
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    if not isinstance(event, h11.EndOfMessage):
        raise h11.RemoteProtocolError("no whole body")
    return request.method, origin_form(request.target), body


def read_by_h11(stream: bytes) -> list[Message]:
    """Return the whole requests at the start of a stream, up to the last that is to be one."""
    messages: list[Message] = []
    more = True
    while more:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        # An empty line before a request is passed over, RFC 9112 section 2.2; h11 does not.
        connection.receive_data(escaped(stream.removeprefix(b"\r\n")))
        try:
            messages.append(read_one(connection))
        except h11.RemoteProtocolError:
            return messages
        connection.send(h11.Response(status_code=404, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        stream, _ = connection.trailing_data
        more = connection.their_state is h11.DONE
    return messages


class Recorded(PublisherRequest):
    """Is noted as it was read, and waits for its answer perhaps."""

    channel: Any

    @override
    def process(self) -> None:
        stranger: Stranger = self.channel.stranger
        stranger.messages.append((self.method, self.uri, self.content.getvalue()))
        if stranger.patient:
            stranger.waiting.append(super().process)
        else:
            super().process()


class Stranger(Client):
    """A client whose requests are noted.

    Args:
        site: which.
        patient: its answers come after more that it sends.
    """

    transport: TCPTransport

    def __init__(self, site: PublisherSite, *, patient: bool = False) -> None:
        super().__init__(site)
        self.protocol.stranger = self
        self.patient = patient
        self.messages: list[Message] = []
        self.waiting: list[Callable[[], None]] = []

    def send_all(self, pieces: Iterable[bytes]) -> None:
        """Send a stream; then get what answers are left."""
        for piece in pieces:
            waiting = self.waiting[:]
            self.send(piece)
            self._get(waiting)
        while self.waiting:
            self._get(self.waiting)

    def _get(self, waiting: list[Callable[[], None]]) -> None:
        for answer in waiting[:1]:
            self.waiting.remove(answer)
            answer()

    def read_answers(self) -> list[Answer]:
        """Return the answers, of which there is one for each request, and one for a refusal."""
        data, answers = self.received().replace(CONTINUE, b""), []
        methods = [method for method, _, _ in self.messages]
        for method in [*methods, b"GET"] if self.transport.half_closed else methods:
            answer, data = read_answer(data, method)
            answers.append(answer)
        assert not data, data
        return answers


class FramingTests(SiteTestCase):
    """Streams of any requests, whole and damaged, in any pieces."""

    @override
    def setUp(self) -> None:
        super().setUp()
        factory: Any = partial(Recorded, max_body=self.limits.content, load=self.site.load)
        self.site.requestFactory = factory
        self.client.leave()
        self.client = Stranger(self.site)
        self.alive = WeakSet[object]()

    def assertAgreed(self, stream: bytes, random: Random) -> bool:
        """Check what is made of a stream; return whether all of it was taken."""
        stranger = Stranger(self.site, patient=random.random() < 0.3)
        stranger.send_all(pieces(random, stream))
        theirs = read_by_h11(stream)
        refused = stranger.transport.half_closed
        self.assertEqual(stranger.messages, theirs[: len(stranger.messages)] if refused else theirs)
        answers = stranger.read_answers()
        if refused:
            refusal = answers.pop()
            self.assertIn(refusal.status, {400, 413})
            self.assertEqual(refusal.headers[b"connection"], b"close")
        self.assertLessEqual({answer.status for answer in answers}, SERVED)
        if refused or stranger.transport.disconnecting:
            stranger.send(stream)
            self.assertEqual(stranger.received(), b"")
        stranger.leave()
        self.alive.add(stranger.protocol)
        self.assertUnharmed()
        return not refused

    def assertUnharmed(self) -> None:
        """Check that another client is served, and that nothing was logged."""
        self.channel.published.clear()
        self.assertPublished(self.client.get(b"/?content=X"), ("broadcast", b"X", True, None))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_whole(self) -> None:
        """What is as it should be is taken, to the last request."""
        for name, random in randoms(500):
            stream = Writer(random).stream()
            with told(name, stream):
                self.assertTrue(self.assertAgreed(stream, random))

    def test_damaged(self) -> None:
        """No request is seen where h11 sees none, or another."""
        for name, random in randoms(1500):
            writer = Writer(random, odd=0.03)
            stream = writer.damage(writer.stream())
            with told(name, stream):
                self.assertAgreed(stream, random)

    def test_nothing_left(self) -> None:
        """Of clients that were harmed and have left nothing is left."""

        def blocks(seeds: Iterable[int]) -> int:
            for seed in seeds:
                random = Random(seed)
                writer = Writer(random, odd=0.1)
                self.assertAgreed(writer.damage(writer.stream()), random)
            gc.collect()
            return sys.getallocatedblocks()

        before = blocks(range(100))
        self.assertLess(blocks([*range(100)] * 3) - before, 1000)
        self.assertEqual(list(self.alive), [])
