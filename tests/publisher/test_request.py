"""Requests and answers, whatever they are about."""

import tempfile
from functools import partial
from typing import NoReturn
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs, formatEvent
from twisted.web.resource import Resource
from typing_extensions import override

from tests.channel.properties import cases
from tests.publisher.client import FORM, Client, SiteTestCase, head
from tests.publisher.test_seed import refuse
from tpush.publisher.request import PublisherRequest


class Boom(Exception):
    """Raised by what is asked for."""


class AnswerTests(SiteTestCase):
    def test_whole(self) -> None:
        """An answer says who it is from, how long it is and what it is, and no more."""
        answer = self.client.get(b"/?content=X")
        date = answer.headers.pop(b"date")
        self.assertRegex(date.decode(), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(
            answer.headers,
            {
                b"server": b"tpush",
                b"content-length": b"2",
                b"content-type": b"text/plain; charset=utf-8",
            },
        )

    def test_options_of_the_server(self) -> None:
        """A client may ask for the options of the server, and learns no versions."""
        answer = self.client.get(b"*", b"OPTIONS")
        self.assertEqual((answer.status, answer.headers[b"server"]), (200, b"tpush"))

    def test_kept_open(self) -> None:
        """One connection carries one request after another."""
        for number in range(3):
            answer = self.client.get(b"/?content=%d" % number)
            self.assertPublished(answer, ("broadcast", b"%d" % number, True, None))
        self.assertFalse(self.client.transport.disconnecting)

    def test_pipelined(self) -> None:
        """Requests that come at once are answered in order, whatever their answers are."""
        self.client.send(
            head(b"GET /?content=1")
            + head(b"GET /x")
            + head(b"POST /", b"Content-Type: " + FORM, b"Content-Length: 9")
            + b"content=2"
            + head(b"GET /?to_worker_id=1")
            + head(b"GET /?content=3")
        )
        statuses = [answer.status for answer in self.client.answers()]
        self.assertEqual(statuses, [200, 404, 200, 400, 200])
        self.assertEqual([data for _, data, _, _ in self.channel.published], [b"1", b"2", b"3"])

    def test_closed_when_asked(self) -> None:
        """A client that wants the connection closed after the answer has that."""
        for request in (
            head(b"GET /?content=X", b"Connection: close"),
            head(b"GET /?content=X", b"Connection: keep-alive, Close ,x"),
            head(b"GET /?content=X", b"Connection: x", b"Connection: close"),
            b"GET /?content=X HTTP/1.0\r\n\r\n",
        ):
            client = self.connect()
            answer = client.ask(request)
            self.assertPublished(answer, ("broadcast", b"X", True, None))
            self.assertTrue(client.transport.disconnecting)
            client.leave()

    @given(st.lists(st.integers(1, 60), max_size=12))
    @cases(100)
    def test_any_pieces(self, sizes: list[int]) -> None:
        """It makes no difference in which pieces requests arrive."""
        data = (
            head(b"POST /?to_worker_id=1", b"Content-Type: " + FORM, b"Content-Length: 28")
            + b"content=1&to_connection_id=2"
            + head(b"GET /?content=3")
        )
        for size in sizes:
            self.client.send(data[:size])
            data = data[size:]
        self.client.send(data)
        self.assertEqual([answer.status for answer in self.client.answers()], [200, 200])
        self.assertEqual(
            self.channel.published,
            [("worker/1", b"1", True, 2), ("broadcast", b"3", True, None)],
        )
        self.channel.published.clear()


class BodyTests(SiteTestCase):
    def test_in_memory(self) -> None:
        """A body is held in memory, however large it is: no file is opened."""
        body = b"content=" + b"x" * 500_000
        start = head(b"POST /", b"Content-Type: " + FORM, b"Transfer-Encoding: chunked")
        chunked = start + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        with patch.object(tempfile, "TemporaryFile", partial(refuse, Boom())):
            self.assertEqual(self.client.post(body).status, 200)
            self.assertEqual(self.client.ask(chunked).status, 200)


class Broken(Resource):
    """Fails, perhaps after it has begun to answer.

    Args:
        begun: what it answers first.
    """

    isLeaf = True

    def __init__(self, begun: bytes) -> None:
        super().__init__()
        self._begun = begun

    @override
    def render(self, request: PublisherRequest) -> NoReturn:
        if self._begun:
            request.write(self._begun)
        raise Boom("secret")


class FaultTests(SiteTestCase):
    def test_told(self) -> None:
        """A fault of ours is told in one line, and nothing of what it was."""
        self.channel.refusing = partial(refuse, Boom("secret"))
        self.assertRefused(self.client.get(b"/?content=X"), 500, "internal error")
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_goes_on(self) -> None:
        """The connection goes on after it."""
        self.test_told()
        self.channel.refusing = lambda: None
        self.assertPublished(self.client.get(b"/?content=X"), ("broadcast", b"X", True, None))

    def test_log_line(self) -> None:
        """Its line in the log shows method and path, escaped, and nothing of the content."""
        self.site.resource.putChild(b"\x90\n", Broken(b""))
        with capturedLogs() as events:
            self.client.get(b"/\x90%0A?content=hidden")
        self.assertEqual([formatEvent(event) for event in events], ["500 to b'GET' b'/%90%0A'"])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)

    def test_after_the_answer_began(self) -> None:
        """Where it comes in the middle of an answer, the connection is cut."""
        self.site.resource.putChild(b"broken", Broken(b"be"))
        client = Client(self.site)
        client.send(head(b"GET /broken"))
        self.assertTrue(client.transport.disconnected)
        self.assertNotIn(b"500", client.received())
        client.leave()
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
