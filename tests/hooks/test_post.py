"""One call to a back end, in memory."""

import gzip
from collections.abc import Callable
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from typing_extensions import override

from tests.hooks.keys import SECRET, secret_file, verify
from tpush.cookieless import Cookieless
from tpush.errors import HookFailed, HookGone
from tpush.hooks.agent import AsSent
from tpush.hooks.body import MOST
from tpush.hooks.keys import SigningKeys
from tpush.hooks.post import Post

URL = "http://back.end/hook?x=1"


class BackEnd(Resource):
    """Notes what it is sent, and answers as it is told to."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[bytes, dict[str, str], bytes]] = []
        self.answer: Callable[[Request], bytes | int] = lambda _: b"ok"

    @override
    def render(self, request: Request) -> bytes | int:
        raw = request.requestHeaders.getAllRawHeaders()
        headers = {name.decode().lower(): values[0].decode() for name, values in raw}
        assert request.content is not None
        body = request.content.read()
        self.requests.append((request.uri, headers, body))
        return self.answer(request)


def status(code: int, **headers: str) -> Callable[[Request], bytes]:
    def answer(request: Request) -> bytes:
        request.setResponseCode(code)
        for name, value in headers.items():
            request.setHeader(name, value)
        return b"said"

    return answer


class PostTests(SynchronousTestCase):
    """A call, and what becomes of it."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.back_end = BackEnd()
        self.agent = RequestTraversalAgent(self.back_end)
        self.keys = SigningKeys(str(secret_file(self)))
        self.post = self.make(Cookieless(AsSent(self.agent)))

    def make(self, agent: Any, url: str = URL) -> Post:
        return Post(url, agent, self.keys, self.clock, 5.0, lambda: 1_700_000_000.9)

    def send(self, body: bytes = b"{}") -> Deferred[bytes]:
        sent = Deferred.fromCoroutine(self.post.send("msg_1", body))
        self.agent.flush()
        return sent

    def assertFails(self, sent: Deferred[bytes], text: str) -> HookFailed:  # noqa: N802
        error = self.failureResultOf(sent, HookFailed).value
        self.assertIn(text, str(error))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        assert isinstance(error, HookFailed)
        return error

    def test_sent(self) -> None:
        """A body comes as it is, signed, and the answer goes back."""
        self.assertEqual(self.successResultOf(self.send(b'{"a":1}')), b"ok")
        ((uri, headers, body),) = self.back_end.requests
        self.assertEqual((uri, body), (b"/hook?x=1", b'{"a":1}'))
        self.assertEqual(verify(headers, body, SECRET), "msg_1")
        self.assertEqual(headers["webhook-timestamp"], "1700000000")
        self.assertEqual(headers["content-type"], "application/json")
        self.assertNotIn("accept-encoding", headers)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_addresses(self) -> None:
        """A back end may be at an IPv6 address."""
        self.post = self.make(self.agent, "http://[::1]:8000/hook")
        self.successResultOf(self.send())
        self.assertEqual([url for url, *_ in self.back_end.requests], [b"/hook"])

    def test_statuses(self) -> None:
        """Anything but success is a failure."""
        for code in (200, 201, 204, 299):
            self.back_end.answer = status(code)
            self.successResultOf(self.send())
        for code in (400, 401, 404, 410, 429, 500, 503):
            self.back_end.answer = status(code)
            self.assertFails(self.send(), f"the answer is {code}")

    def test_retry_after(self) -> None:
        """Who has too much to do says when to come back, by its own clock or else by ours."""
        later = {"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}
        for code, said, asked in (
            (429, {"retry-after": "7"}, 7),
            (503, {"retry-after": "7"}, 7),
            (503, {**later, "date": "Tue, 14 Nov 2023 22:13:00 GMT"}, 30),
            (503, {**later, "date": ""}, 9.1),
            (503, {"retry-after": "soon"}, 0),
            (429, {}, 0),
            (500, {"retry-after": "7"}, 0),
        ):
            self.back_end.answer = status(code, **said)
            error = self.assertFails(self.send(), f"the answer is {code}")
            self.assertAlmostEqual(error.asked, asked, msg=str(said))

    def test_gone(self) -> None:
        """Who wants no more is told from who fails."""
        for code, kind in ((410, HookGone), (404, HookFailed)):
            self.back_end.answer = status(code)
            self.assertIs(type(self.assertFails(self.send(), f"is {code}")), kind)

    def test_redirects(self) -> None:
        """None is followed: the secret signs for one place."""
        for code in (301, 302, 303, 307, 308):
            self.back_end.requests.clear()
            self.back_end.answer = status(code, location="http://else.where/")
            self.assertFails(self.send(), f"the answer is {code}")
            self.assertEqual(len(self.back_end.requests), 1)

    def test_cookies(self) -> None:
        """None is kept: it would go from one client's question to another's."""
        self.back_end.answer = status(200, **{"set-cookie": "a=b"})
        self.successResultOf(self.send())
        self.successResultOf(self.send())
        self.assertNotIn("cookie", self.back_end.requests[1][1])

    def test_strange_cookies(self) -> None:
        """One that is no text does not keep what was taken from being so."""

        def answer(request: Request) -> bytes:
            request.setHeader(b"Set-Cookie", b"a=\xff")
            return b"said"

        self.back_end.answer = answer
        self.assertEqual(self.successResultOf(self.send()), b"said")

    def test_no_answer(self) -> None:
        """Who says nothing is given up when time is up."""
        self.back_end.answer = lambda _: NOT_DONE_YET
        sent = self.send()
        self.clock.advance(4.9)
        self.assertNoResult(sent)
        self.clock.advance(0.1)
        self.assertFails(sent, "no answer within 5 s")

    def test_half_an_answer(self) -> None:
        """Who begins to answer has no more time."""

        def begin(request: Request) -> int:
            request.write(b"a little")
            return NOT_DONE_YET

        self.back_end.answer = begin
        sent = self.send()
        self.clock.advance(5)
        self.assertFails(sent, "no answer within 5 s")
        self.agent.flush()
        self.assertEqual(self.agent._pumps, set())  # the connection is gone

    def test_long_answers(self) -> None:
        """Of an answer without end the beginning is read, and the connection ended."""

        def write(request: Request) -> int:
            for _ in range(3):
                request.write(b"x" * MOST)
            return NOT_DONE_YET

        self.back_end.answer = write
        self.assertEqual(self.successResultOf(self.send()), b"x" * MOST)
        self.agent.flush()
        self.assertEqual(self.agent._pumps, set())

    def test_nothing_is_inflated(self) -> None:
        """A few bytes that would be very many stay as few."""

        def bomb(request: Request) -> bytes:
            request.setHeader("content-encoding", "gzip")
            return gzip.compress(bytes(10_000_000))

        self.back_end.answer = bomb
        self.assertTrue(self.successResultOf(self.send()).startswith(b"\x1f\x8b"))

    def test_no_connection(self) -> None:
        """What keeps it from being sent is told in a few words."""

        class Failing:
            def __init__(self, error: Exception) -> None:
                self.error = error

            def request(self, *_: object, **__: object) -> Deferred[Any]:
                return fail(self.error)

        self.post = self.make(Failing(ConnectionRefusedError("no")))
        self.assertFalse(self.assertFails(self.send(), "ConnectionRefusedError").unanswered)
        self.post = self.make(Failing(ValueError("a\nforged line")))
        self.assertFails(self.send(), "ValueError: a?forged line")
        self.post = self.make(Failing(ResponseNeverReceived([])))
        self.assertTrue(self.assertFails(self.send(), "ResponseNeverReceived").unanswered)

    def test_cancelled(self) -> None:
        """Whoever has lost interest ends it."""
        self.back_end.answer = lambda _: NOT_DONE_YET
        sent = self.send()
        sent.cancel()
        self.failureResultOf(sent, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_new_secrets(self) -> None:
        """Secrets that were read again sign at once."""
        self.keys.secrets = [bytes(24)]
        self.successResultOf(self.send())
        _, headers, body = self.back_end.requests[0]
        verify(headers, body, bytes(24))
