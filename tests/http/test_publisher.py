"""The client on Twisted."""

from collections.abc import Callable, Sequence
from typing import Any

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail
from twisted.internet.error import (
    ConnectError,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.client import ResponseNeverReceived
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as WebRequest
from typing_extensions import override

from tests.http.client_case import RETRY, ClientCase, ClientContract
from tests.http.fake import FakeServer, Fault, busy
from tpush.http import EVERYBODY, NO_RETRY, NotReachable, Publisher, Retry
from tpush.http.request import Request


class Everything(Resource):
    """Answers every path as a server does."""

    isLeaf = True

    def __init__(self, test: "PublisherCase") -> None:
        super().__init__()
        self._test = test

    @override
    def render(self, request: WebRequest) -> Any:
        test, content = self._test, request.content
        assert content is not None
        headers = request.requestHeaders.getAllRawHeaders()
        test.headers.append({n.decode().lower(): v[0].decode() for n, v in headers})
        try:
            answer = test.server.take(Request(request.uri.decode()[1:], content.read()))
        except NotReachable:
            request.loseConnection()
            return NOT_DONE_YET
        request.setResponseCode(answer.status)
        if answer.retry_after:
            request.setHeader(b"Retry-After", answer.retry_after.encode(errors="surrogateescape"))
        request.setHeader("Location", "/elsewhere")
        request.setHeader(b"Set-Cookie", b"a=b; c=\xff")
        return answer.body


class PublisherCase(ClientCase):
    """Makes the client, on a clock."""

    def make(
        self,
        url: str = "http://push.test/x/",
        faults: Sequence[Fault] = (),
        agent: Any = None,
        **how: Any,
    ) -> None:
        self.server = FakeServer(*faults)
        self.clock = Clock()
        self.agent = agent or RequestTraversalAgent(Everything(self))
        self.client = Publisher(
            url,
            reactor=self.clock,
            agent=self.agent,
            draw_key=self.draw,
            chance=lambda: 1.0,
            **{"retry": RETRY, **how},
        )

    def do(self, verb: str, *args: Any, **keywords: Any) -> Any:
        doing: Deferred[Any] = getattr(self.client, verb)(*args, **keywords)
        self.agent.flush()
        while not doing.called:
            [pause] = self.clock.getDelayedCalls()
            seconds = pause.getTime() - self.clock.seconds()
            self.pauses.append(seconds)
            self.clock.advance(seconds)
            self.agent.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        outcome: list[Any] = []
        _done = doing.addBoth(outcome.append)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]


class PublisherTests(PublisherCase, ClientContract):
    """On treq."""


class TimingTests(PublisherCase):
    """What takes too long, and what never comes."""

    def test_no_answer(self) -> None:
        """An attempt has its time; the next is tried after a pause."""
        asked: list[Deferred[Any]] = []

        def request(*_: object) -> Deferred[Any]:
            # What an endpoint makes of being cancelled is no CancelledError.
            asked.append(Deferred(lambda d: d.errback(ConnectError("cancelled"))))
            return asked[-1]

        self.make(agent=FakeAgent(request), timeout=7, retry=Retry(attempts=2, first=1))
        doing = self.client.publish(EVERYBODY, "x")
        self.clock.advance(7)
        self.assertNoResult(doing)
        self.assertEqual(len(asked), 1)
        self.clock.advance(1)
        self.assertEqual(len(asked), 2)
        self.clock.advance(7)
        error = self.failureResultOf(doing, NotReachable).value
        self.assertEqual(str(error), "http://push.test/x/: no answer in time")

    def test_cancelled(self) -> None:
        """Who does not want to wait any more cancels it; nothing is tried again."""
        asked: list[Deferred[Any]] = []

        def request(*_: object) -> Deferred[Any]:
            # What an agent makes of being cancelled is what it makes of a network that fails.
            lost = ResponseNeverReceived([Failure(ConnectionLost("gone"))])
            asked.append(Deferred(lambda d: d.errback(lost)))
            return asked[-1]

        self.make(agent=FakeAgent(request))
        doing = self.client.publish(EVERYBODY, "x")
        doing.cancel()
        self.failureResultOf(doing, CancelledError)
        hasty = self.client.publish(EVERYBODY, "x").addTimeout(2, self.clock)
        self.clock.advance(2)
        self.failureResultOf(hasty, TimeoutError)
        self.clock.advance(100)
        self.assertEqual((len(asked), self.clock.getDelayedCalls()), (2, []))

    def test_cookies(self) -> None:
        """None is kept, and one that is no text keeps no answer from being read."""
        self.make()
        self.do("publish", EVERYBODY, "x")
        self.do("publish", EVERYBODY, "y")
        self.assertNotIn("cookie", self.headers[1])

    def test_addresses(self) -> None:
        """A publisher may be at an IPv6 address."""
        asked: list[bytes] = []

        def request(_method: bytes, url: bytes, *_: object) -> Deferred[Any]:
            asked.append(url)
            return fail(ConnectionRefusedError())

        self.make("http://[::1]:4237/", agent=FakeAgent(request), retry=NO_RETRY)
        self.failureResultOf(self.client.publish(EVERYBODY, "x"), NotReachable)
        self.assertEqual(asked, [b"http://[::1]:4237/v1/publish"])

    def test_wrong_name(self) -> None:
        """A name that no connection can be made to is no URL that can be used."""
        self.assertRaises(ValueError, self.make, "http://web_1:4237")

    def test_strange_headers(self) -> None:
        """A header that is no text asks for nothing."""
        self.make(faults=[busy("\udcff")])
        self.do("publish", EVERYBODY, "x")
        self.assertEqual(self.pauses, [1])

    def test_connection_errors(self) -> None:
        """Whatever keeps a request from being answered is one error, with its reason."""
        for error, said in (
            (ConnectionRefusedError("no"), "Connection was refused by other side: no"),
            (DNSLookupError("no such name"), "DNS lookup failed: no such name"),
            (ResponseNeverReceived([Failure(ConnectionLost("gone"))]), "gone"),
        ):
            self.make(agent=FakeAgent(lambda *_, error=error: fail(error)), retry=NO_RETRY)
            failed = self.failureResultOf(self.client.publish(EVERYBODY, "x"), NotReachable)
            self.assertIn(said, str(failed.value))

    def test_other_errors(self) -> None:
        """A defect is not taken for a network that fails."""
        self.make(agent=FakeAgent(lambda *_: fail(ZeroDivisionError())))
        self.failureResultOf(self.client.publish(EVERYBODY, "x"), ZeroDivisionError)


class FakeAgent:
    """Makes requests as it is told.

    Args:
        request: makes one.
    """

    def __init__(self, request: Callable[..., Deferred[Any]]) -> None:
        self.request = request
