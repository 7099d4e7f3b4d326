"""Clients of ``tpush.v1``: each of their requests is answered, by its id."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from typing_extensions import override

from tpush.errors import InvalidName, TPushError
from tpush.pusher.client import Client
from tpush.pusher.commands import Join, Leave
from tpush.pusher.executor import Executor, Forbidden
from tpush.pusher.groups import TooManyGroups
from tpush.pusher.hearing import Hearing
from tpush.pusher.v1.dialect import say
from tpush.pusher.v1.requests import Ping, Request, RequestID, Wrong, read_request


class Serving(Hearing):
    """Hears such clients.

    Args:
        executor: does what they ask for.
        settled: fires when the channel knows what this worker has subscribed to so far.
    """

    def __init__(self, executor: Executor, settled: Callable[[], Deferred[None]]) -> None:
        self._executor = executor
        self._settled = settled

    @override
    def hear(self, client: Client, payload: bytes, *, text: bool) -> None:
        """Do what a client asks for, and answer."""
        try:
            request = read_request(payload, text=text)
            self._serve(client, request)
        except Wrong as wrong:
            _refuse(client, wrong.request, wrong.code, wrong.reason)

    def _serve(self, client: Client, request: Request) -> None:
        command, name = request.command, request.id
        if isinstance(command, Ping):
            _say(client, "pong", name)
            return
        try:
            self._executor.execute(client, command)
            if isinstance(command, Join):
                self._acknowledge(client, name, command.group)
                return
        except Forbidden as forbidden:
            raise Wrong("forbidden", str(forbidden), name) from None
        except InvalidName:
            raise Wrong("bad-request", "no group can be called so", name) from None
        except TooManyGroups as error:
            raise Wrong("too-many-groups", str(error), name) from None
        except TPushError:
            raise Wrong("try-later", "there is no room at the moment", name) from None
        kind = "unsubscribed" if isinstance(command, Leave) else "published"
        _say(client, kind, name, group=command.group)

    def _acknowledge(self, client: Client, name: RequestID, group: str) -> None:
        """Tell a client that it has joined, when all that is published from now on comes to it."""
        known = self._settled()
        _answered = known.addCallbacks(
            lambda _: _say(client, "subscribed", name, group=group),
            lambda _: _refuse(client, name, "try-later", "this worker is going away"),
        )


def _say(client: Client, kind: str, name: RequestID, **fields: str) -> None:
    answer = fields if name is None else {"id": name, **fields}
    client.write_frames(say(kind, **answer), 1)


def _refuse(client: Client, name: RequestID, code: str, reason: str) -> None:
    _say(client, "error", name, code=code, reason=reason)
