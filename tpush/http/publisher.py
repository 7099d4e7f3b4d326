"""The client for programs on Twisted, on treq."""

from collections.abc import Callable, Mapping, Sequence
from random import random
from secrets import token_urlsafe
from typing import Any, cast

from treq.client import HTTPClient
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.task import deferLater
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseFailed,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent

from tpush.as_given import AsGiven, check_host
from tpush.cancellable import cancellable
from tpush.cookieless import Cookieless
from tpush.http.answer_body import read_whole
from tpush.http.call import Call
from tpush.http.errors import NotReachable, StrangeAnswer
from tpush.http.outcome import Answer, Outcome
from tpush.http.publish import Content, Publish
from tpush.http.request import Exchange, Request
from tpush.http.retry import DEFAULT, Retry
from tpush.http.sending import Sending, with_keys
from tpush.http.server import Server
from tpush.http.target import Target, Targets
from tpush.http.verbs import (
    NORMAL,
    SHOWN,
    Done,
    Members,
    change,
    closing,
    look,
    named,
    read_done,
    read_members,
)
from tpush.receipt import Receipt
from tpush.request_body import WholeBody

NO_ANSWER = (
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    RequestTransmissionFailed,
    ResponseFailed,
    TimeoutError,
)

IDLE = 30
"""Seconds that a connection is kept for the next request: less than a publisher keeps it."""


class Publisher:
    """Publishes by the JSON API.

    Whoever cancels what a method returns waits no more, and nothing is sent again; what was sent
    may arrive all the same.

    Args:
        url: the publisher's, such as ``http://127.0.0.1:4237``.
        key: the API key; "" is none.
        retry: when to try again. Where it does, each publish has an idempotency key, so that it
            is published once.
        timeout: seconds for one attempt.
        connections: that are kept open for the next request. More are opened where more is under
            way.
        reactor: the reactor to use; the default is Twisted's global one.
        agent: makes the requests; the default is one of our own.
        draw_key: returns an idempotency key that nobody else has.
        chance: returns a random number, 0 to 1, for the pauses.

    Raises:
        ValueError: *url* or *key* cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        retry: Retry = DEFAULT,
        timeout: float = 10.0,
        connections: int = 10,
        reactor: Any = None,
        agent: IAgent | None = None,
        draw_key: Callable[[], str] = token_urlsafe,
        chance: Callable[[], float] = random,  # noqa: S311 - nothing is kept secret by it
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self._server = Server(url, key)
        check_host(url)
        self._retry = retry
        self._timeout = timeout
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor)
        self._pool.maxPersistentPerHost = connections
        self._pool.cachedConnectionTimeout = IDLE
        agent = agent or Agent(reactor, pool=self._pool)
        self._http = HTTPClient(Cookieless(agent), data_to_body_producer=WholeBody)
        self._draw_key = draw_key
        self._chance = chance

    def publish(
        self,
        to: Targets,
        content: Content,
        *,
        but: Sequence[Target] = (),
        idempotency_key: str = "",
    ) -> Deferred[None]:
        """Publish; fires when it is accepted, or fails with a :class:`PublishFailed`.

        Args:
            to: as :class:`Publish` has it, like all of them.
            content: the same.
            but: the same.
            idempotency_key: the same.
        """
        publish = Publish(to, content, but, idempotency_key=idempotency_key)
        return self._send([publish], batch=False).addCallback(lambda _: None)

    def publish_with_receipt(
        self,
        to: Targets,
        content: Content,
        *,
        but: Sequence[Target] = (),
        idempotency_key: str = "",
    ) -> Deferred[Receipt]:
        """Publish; fires with what became of it, or fails with a :class:`PublishFailed`.

        Args:
            to: as :class:`Publish` has it, like all of them.
            content: the same.
            but: the same.
            idempotency_key: the same.
        """
        publish = Publish(to, content, but, receipt=True, idempotency_key=idempotency_key)
        return self._send([publish], batch=False).addCallback(lambda said: cast(Receipt, said[0]))

    def batch(self, publishes: Sequence[Publish]) -> Deferred[Sequence[Outcome]]:
        """Publish many in one request; fires with what became of each, in their order.

        It fails with a :class:`PublishFailed` where that was the same for all: nobody was there.

        Args:
            publishes: 1 to 1,000.
        """
        return self._send(publishes, batch=True)

    def join(self, group: str, to: Targets, *, but: Sequence[Target] = ()) -> Deferred[Done]:
        """Put connections into a group; fires when what is published to it comes to them.

        Args:
            group: its name.
            to: the connections.
            but: of them, those that stay as they are.
        """
        return self._order(change(named("groups", group, "join"), to, but))

    def leave(self, group: str, to: Targets, *, but: Sequence[Target] = ()) -> Deferred[Done]:
        """Take connections out of a group.

        Args:
            group: its name.
            to: the connections.
            but: of them, those that stay as they are.
        """
        return self._order(change(named("groups", group, "leave"), to, but))

    def bind(self, user: str, to: Targets, *, but: Sequence[Target] = ()) -> Deferred[Done]:
        """Say that a user is at connections, and no other is.

        Args:
            user: who.
            to: the connections.
            but: of them, those that stay as they are.
        """
        return self._order(change(named("users", user, "bind"), to, but))

    def unbind(self, to: Targets, *, but: Sequence[Target] = ()) -> Deferred[Done]:
        """Say that nobody who is known is at connections.

        Args:
            to: the connections.
            but: of them, those that stay as they are.
        """
        return self._order(change("unbind", to, but))

    def disconnect(
        self,
        to: Targets,
        *,
        but: Sequence[Target] = (),
        code: int = NORMAL,
        reason: str = "",
        last: str | None = None,
    ) -> Deferred[Done]:
        """Close connections.

        Args:
            to: which.
            but: of them, those that stay.
            code: the close code: 1000, or 3000 to 4999.
            reason: the same for people, up to 123 bytes.
            last: a text that they are sent before.
        """
        return self._order(closing(to, but, code, reason, last))

    def group(self, name: str, limit: int = SHOWN) -> Deferred[Members]:
        """Fire with how many connections are in a group, and the addresses of some.

        Args:
            name: of the group.
            limit: of addresses.
        """
        return self._call(look(named("groups", name), limit=limit)).addCallback(read_members)

    def user(self, name: str, limit: int = SHOWN) -> Deferred[Members]:
        """Fire with how many connections a user has, and the addresses of some.

        Args:
            name: of the user.
            limit: of addresses.
        """
        return self._call(look(named("users", name), limit=limit)).addCallback(read_members)

    def info(self) -> Deferred[Mapping[str, Any]]:
        """Fire with what the workers say of themselves: counters, rates, and sums."""
        return self._call(look("info"))

    def close(self) -> Deferred[None]:
        """Close the connections that are kept; fires when they are closed."""
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed

    def _send(self, publishes: Sequence[Publish], *, batch: bool) -> Deferred[Sequence[Outcome]]:
        keyed = with_keys(publishes, self._retry, self._draw_key)
        sending = Sending(keyed, self._retry, self._chance, batch=batch)
        carried = Deferred.fromCoroutine(self._carry_out(sending))
        return carried.addCallback(lambda _: sending.outcomes())

    def _order(self, request: Request) -> Deferred[Done]:
        return self._call(request).addCallback(read_done)

    def _call(self, request: Request) -> Deferred[Mapping[str, Any]]:
        call = Call(request, self._retry, self._chance)
        return Deferred.fromCoroutine(self._carry_out(call)).addCallback(lambda _: call.said())

    async def _carry_out(self, exchange: Exchange) -> None:
        while True:
            asking = cancellable(Deferred.fromCoroutine(self._ask(exchange.request)))
            try:
                answer = await asking.addTimeout(self._timeout, self._reactor, _give_up)
                pause = exchange.answered(answer)
            except StrangeAnswer as error:
                pause = exchange.failed(error)
            except NO_ANSWER as error:
                pause = exchange.failed(NotReachable(f"{self._server.url}: {_said(error)}"))
            if pause is None:
                return
            await deferLater(self._reactor, pause)

    async def _ask(self, request: Request) -> Answer:
        response = await self._http.request(
            request.method,
            AsGiven.from_text(self._server.at(request.path)),
            data=request.body or None,
            headers=Headers({name: [value] for name, value in self._server.headers.items()}),
            # A redirection would take the key, and the message, to somewhere else.
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        body = await read_whole(response)
        headers = response.headers
        # As bytes: where a proxy wrote what is no UTF-8 a text would fail.
        after, date = (headers.getRawHeaders(name, [b""])[0] for name in (b"Retry-After", b"Date"))
        return Answer(response.code, body, after.decode("latin-1"), date.decode("latin-1"))


def _give_up(_failure: object, _seconds: float) -> Answer:
    """Say what happened, as all that keeps an answer from coming does.

    Raises:
        TimeoutError: always.
    """
    raise TimeoutError("no answer in time")


def _said(error: Exception) -> str:
    """Return what happened: what the agent wraps an error in says nothing of it."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _said(reasons[0].value)
    return str(error).rstrip(".") or type(error).__name__
