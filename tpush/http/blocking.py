"""The client for scripts, threads and WSGI frameworks, on ``requests``: there is no reactor."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from random import random
from secrets import token_urlsafe
from types import TracebackType
from typing import Any, Self, cast

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from tpush.http.call import Call
from tpush.http.errors import NotReachable
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

LENGTHS = ("Content-Length", "Transfer-Encoding")
"""One of them is in each answer that is not ended by its connection."""


class BlockingPublisher:
    """Publishes by the JSON API, and waits for the answer.

    Several threads may use one. Where a server forks its processes, each process makes its own, or
    one that was made before has published nothing yet: connections are not to be shared.

    Args:
        url: the publisher's, such as ``http://127.0.0.1:4237``.
        key: the API key; "" is none.
        retry: when to try again. Where it does, each publish has an idempotency key, so that it
            is published once.
        timeout: seconds to connect, and seconds without a byte of the answer.
        connections: that are kept open for the next request.
        adapter: makes the requests; the default is one of our own.
        sleep: waits for so many seconds.
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
        adapter: BaseAdapter | None = None,
        sleep: Callable[[float], object] = time.sleep,
        draw_key: Callable[[], str] = token_urlsafe,
        chance: Callable[[], float] = random,  # noqa: S311 - nothing is kept secret by it
    ) -> None:
        self._server = Server(url, key)
        self._retry = retry
        self._timeout = timeout
        self._sleep = sleep
        self._draw_key = draw_key
        self._chance = chance
        self._session = requests.Session()
        # Else an entry of ~/.netrc would take the key's place.
        self._session.auth = _leave_as_it_is
        # They are all that a session would let one thread change under another.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = adapter or HTTPAdapter(pool_maxsize=connections)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def publish(
        self,
        to: Targets,
        content: Content,
        *,
        but: Sequence[Target] = (),
        idempotency_key: str = "",
    ) -> None:
        """Publish; returns when it is accepted.

        Args:
            to: as :class:`Publish` has it, like all of them.
            content: the same.
            but: the same.
            idempotency_key: the same.

        Raises:
            PublishFailed: it was not accepted, or it is not known.
        """
        self._send([Publish(to, content, but, idempotency_key=idempotency_key)], batch=False)

    def publish_with_receipt(
        self,
        to: Targets,
        content: Content,
        *,
        but: Sequence[Target] = (),
        idempotency_key: str = "",
    ) -> Receipt:
        """Publish, and return what became of it.

        Args:
            to: as :class:`Publish` has it, like all of them.
            content: the same.
            but: the same.
            idempotency_key: the same.

        Raises:
            PublishFailed: it was not accepted, or it is not known.
        """
        publish = Publish(to, content, but, receipt=True, idempotency_key=idempotency_key)
        return cast(Receipt, self._send([publish], batch=False)[0])

    def batch(self, publishes: Sequence[Publish]) -> Sequence[Outcome]:
        """Publish many in one request, and return what became of each, in their order.

        Args:
            publishes: 1 to 1,000.

        Raises:
            PublishFailed: that was the same for all: nobody was there, or nothing was taken.
        """
        return self._send(publishes, batch=True)

    def join(self, group: str, to: Targets, *, but: Sequence[Target] = ()) -> Done:
        """Put connections into a group, and return when what is published to it comes to them.

        Args:
            group: its name.
            to: the connections.
            but: of them, those that stay as they are.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return self._order(change(named("groups", group, "join"), to, but))

    def leave(self, group: str, to: Targets, *, but: Sequence[Target] = ()) -> Done:
        """Take connections out of a group.

        Args:
            group: its name.
            to: the connections.
            but: of them, those that stay as they are.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return self._order(change(named("groups", group, "leave"), to, but))

    def bind(self, user: str, to: Targets, *, but: Sequence[Target] = ()) -> Done:
        """Say that a user is at connections, and no other is.

        Args:
            user: who.
            to: the connections.
            but: of them, those that stay as they are.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return self._order(change(named("users", user, "bind"), to, but))

    def unbind(self, to: Targets, *, but: Sequence[Target] = ()) -> Done:
        """Say that nobody who is known is at connections.

        Args:
            to: the connections.
            but: of them, those that stay as they are.

        Raises:
            PublishFailed: it is not known to be done.
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
    ) -> Done:
        """Close connections.

        Args:
            to: which.
            but: of them, those that stay.
            code: the close code: 1000, or 3000 to 4999.
            reason: the same for people, up to 123 bytes.
            last: a text that they are sent before.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return self._order(closing(to, but, code, reason, last))

    def group(self, name: str, limit: int = SHOWN) -> Members:
        """Return how many connections are in a group, and the addresses of some.

        Args:
            name: of the group.
            limit: of addresses.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return read_members(self._call(look(named("groups", name), limit=limit)))

    def user(self, name: str, limit: int = SHOWN) -> Members:
        """Return how many connections a user has, and the addresses of some.

        Args:
            name: of the user.
            limit: of addresses.

        Raises:
            PublishFailed: it is not known to be done.
        """
        return read_members(self._call(look(named("users", name), limit=limit)))

    def info(self) -> Mapping[str, Any]:
        """Return what the workers say of themselves: counters, rates, and sums.

        Raises:
            PublishFailed: they do not say.
        """
        return self._call(look("info"))

    def close(self) -> None:
        """Close the connections that are kept."""
        self._session.close()

    def _send(self, publishes: Sequence[Publish], *, batch: bool) -> Sequence[Outcome]:
        keyed = with_keys(publishes, self._retry, self._draw_key)
        sending = Sending(keyed, self._retry, self._chance, batch=batch)
        self._carry_out(sending)
        return sending.outcomes()

    def _order(self, request: Request) -> Done:
        return read_done(self._call(request))

    def _call(self, request: Request) -> Mapping[str, Any]:
        call = Call(request, self._retry, self._chance)
        self._carry_out(call)
        return call.said()

    def _carry_out(self, exchange: Exchange) -> None:
        around = sys.exception()
        while True:
            try:
                pause = exchange.answered(self._ask(exchange.request))
            except requests.RequestException as error:
                pause = exchange.failed(NotReachable(f"{self._server.url}: {_said(error, around)}"))
            if pause is None:
                return
            self._sleep(pause)

    def _ask(self, request: Request) -> Answer:
        response = self._session.request(
            request.method,
            self._server.at(request.path),
            data=request.body or None,
            headers=dict(self._server.headers),
            # A redirection would take the key, and the message, to somewhere else.
            allow_redirects=False,
            timeout=self._timeout,
        )
        if _is_cut_off(response):
            raise requests.ConnectionError("the answer was cut off")
        after, date = (response.headers.get(name, "") for name in ("Retry-After", "Date"))
        return Answer(response.status_code, response.content, after, date)


def _is_cut_off(response: requests.Response) -> bool:
    """Say whether an answer has ended in its head, which to http.client is an end as any other."""
    lengths = [name for name in LENGTHS if name in response.headers]
    return response.status_code == 200 and not (response.content or lengths)


def _leave_as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _said(error: BaseException, around: BaseException | None) -> str:
    """Return what happened: what is at the bottom of errors that wrap each other.

    Args:
        error: the outermost of them.
        around: what is being handled by whoever publishes, and is none of them.
    """
    inner = error.__cause__ or error.__context__
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if inner is None or inner is around:
        return str(error) or type(error).__name__
    return _said(inner, around)
