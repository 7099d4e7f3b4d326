"""Clients of ``tpush.v1``: each of their requests is answered, by its id."""

from typing_extensions import override

from tpush.pusher.client import Client
from tpush.pusher.commands import Leave
from tpush.pusher.executor import Executor
from tpush.pusher.hearing import Hearing
from tpush.pusher.v1.answers import answer, refusals, refuse
from tpush.pusher.v1.requests import (
    Ping,
    Request,
    RequestID,
    Subscribe,
    Unread,
    Wrong,
    read_content,
    read_request,
)
from tpush.pusher.v1.subscribing import Subscribing


class Serving(Hearing):
    """Hears such clients.

    Args:
        executor: does what they ask for.
        subscribing: lets them join.
    """

    def __init__(self, executor: Executor, subscribing: Subscribing) -> None:
        self._executor = executor
        self._subscribing = subscribing

    @override
    def hear(self, client: Client, payload: bytes, *, text: bool) -> None:
        """Do what a client asks for, and answer."""
        try:
            request = read_request(payload, text=text)
            with refusals(request.id):
                self._serve(client, request)
        except Wrong as wrong:
            refuse(client, wrong)

    @override
    def forget(self, client: Client) -> None:
        self._subscribing.forget(client)

    def _serve(self, client: Client, request: Request) -> None:
        match request.command:
            case Ping():
                _say(client, "pong", request.id)
            case Subscribe():
                self._subscribing.subscribe(client, request.id, request.command)
            case Leave(group):
                self._subscribing.cancel(client, group)
                self._executor.execute(client, request.command)
                _say(client, "unsubscribed", request.id, group=group)
            case Unread(group):
                self._executor.check_publish(client, group)
                self._executor.execute(client, read_content(request.command, request.id))
                _say(client, "published", request.id, group=group)


def _say(client: Client, kind: str, name: RequestID, **fields: str) -> None:
    client.write_frames(answer(kind, name, **fields), 1)
