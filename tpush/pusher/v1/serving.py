"""Clients of ``tpush.v1``: each of their requests is answered, by its id."""

from collections.abc import Callable, Collection

from twisted.internet.defer import Deferred
from typing_extensions import override

from tpush.errors import InvalidName, TPushError
from tpush.pusher.client import Client
from tpush.pusher.commands import Join, Leave
from tpush.pusher.executor import Executor, Forbidden
from tpush.pusher.groups import TooManyGroups
from tpush.pusher.hearing import Hearing
from tpush.pusher.v1.dialect import say
from tpush.pusher.v1.requests import (
    Ping,
    Request,
    RequestID,
    Unread,
    Wrong,
    read_content,
    read_request,
)

Waiting = tuple[RequestID, str]
"""A subscription that waits: the id of its request, and the group."""


class TooMuchAsked(TPushError):
    """A client waits for as many acknowledgements as it may."""

    status = 503


class Serving(Hearing):
    """Hears such clients.

    A subscription is acknowledged when the channel has it. Clients that ask meanwhile are answered
    together: there is one question to the channel at a time, however many they are.

    Args:
        executor: does what they ask for.
        settled: fires when the channel has what this worker has subscribed to so far.
        most: subscriptions of one client that wait to be acknowledged.
    """

    def __init__(
        self, executor: Executor, settled: Callable[[], Deferred[None]], most: int
    ) -> None:
        self._executor = executor
        self._settled = settled
        self._most = most
        self._asked: dict[Client, list[Waiting]] = {}
        """Those that the question under way is for."""
        self._next: dict[Client, list[Waiting]] = {}
        """Those that the next one is for."""
        self._asking = False

    @override
    def hear(self, client: Client, payload: bytes, *, text: bool) -> None:
        """Do what a client asks for, and answer."""
        try:
            request = read_request(payload, text=text)
            self._serve(client, request)
        except Wrong as wrong:
            _refuse(client, wrong.request, wrong.code, wrong.reason)

    @override
    def forget(self, client: Client) -> None:
        self._asked.pop(client, None)
        self._next.pop(client, None)

    def _serve(self, client: Client, request: Request) -> None:
        command, name = request.command, request.id
        if isinstance(command, Ping):
            _say(client, "pong", name)
            return
        try:
            if isinstance(command, Unread):
                self._executor.check_publish(client, command.group)
                command = read_content(command, name)
            if isinstance(command, Join):
                self._check_room(client)
            self._executor.execute(client, command)
        except Forbidden as forbidden:
            raise Wrong("forbidden", str(forbidden), name) from None
        except InvalidName:
            raise Wrong("bad-request", "no group can be called so", name) from None
        except TooManyGroups as error:
            raise Wrong("too-many-groups", str(error), name) from None
        except TPushError as error:
            if error.status < 500:  # it will never be taken
                raise Wrong("bad-request", str(error), name) from None
            raise Wrong("try-later", "there is no room at the moment", name) from None
        if isinstance(command, Join):
            self._acknowledge(client, name, command.group)
        else:
            kind = "unsubscribed" if isinstance(command, Leave) else "published"
            _say(client, kind, name, group=command.group)

    def _check_room(self, client: Client) -> None:
        waiting = len(self._asked.get(client, ())) + len(self._next.get(client, ()))
        if waiting >= self._most:
            raise TooMuchAsked(f"{waiting} subscriptions wait to be acknowledged")

    def _acknowledge(self, client: Client, name: RequestID, group: str) -> None:
        """Tell a client that it has joined, when all that is published from now on comes to it."""
        self._next.setdefault(client, []).append((name, group))
        if not self._asking:
            self._ask()

    def _ask(self) -> None:
        self._asking = True
        self._asked, self._next = self._next, {}
        _answered = self._settled().addCallbacks(lambda _: self._known(), lambda _: self._unknown())

    def _known(self) -> None:
        for client, joins in self._take():
            for name, group in joins:
                _say(client, "subscribed", name, group=group)
        if self._next:
            self._ask()

    def _unknown(self) -> None:
        joined = self._take()
        self._asked, self._next = self._next, {}
        for client, joins in (*joined, *self._take()):
            for name, _ in joins:
                _refuse(client, name, "try-later", "this worker is going away")

    def _take(self) -> Collection[tuple[Client, list[Waiting]]]:
        asked, self._asked, self._asking = self._asked, {}, False
        return asked.items()


def _say(client: Client, kind: str, name: RequestID, **fields: str) -> None:
    answer = fields if name is None else {"id": name, **fields}
    client.write_frames(say(kind, **answer), 1)


def _refuse(client: Client, name: RequestID, code: str, reason: str) -> None:
    _say(client, "error", name, code=code, reason=reason)
