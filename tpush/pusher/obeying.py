"""Clients without a subprotocol: what they ask for is done, or they are closed.

They are sent contents, and nothing that could be taken for one: no acknowledgement, no error.
"""

from dataclasses import replace

from typing_extensions import override

from tpush.errors import InvalidName, TPushError
from tpush.pusher.client import Client
from tpush.pusher.closing import BUSY, FORBIDDEN, Close
from tpush.pusher.commands import Command, read_command
from tpush.pusher.executor import Executor, Forbidden
from tpush.pusher.groups import TooManyGroups
from tpush.pusher.hearing import Hearing


class Obeying(Hearing):
    """Hears such clients.

    Args:
        executor: does what they ask for.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @override
    def hear(self, client: Client, payload: bytes, *, text: bool) -> None:
        """Do what a client asks for, or close it."""
        command = read_command(payload) if text else None
        close = None if command is None else self._obey(client, command)
        if close is not None:
            client.close(close)

    @override
    def forget(self, client: Client) -> None:
        """Do nothing: nothing of a client is kept."""

    def _obey(self, client: Client, command: Command) -> Close | None:
        try:
            self._executor.execute(client, command)
        except Forbidden as forbidden:
            return replace(FORBIDDEN, reason=str(forbidden))
        except InvalidName:
            return replace(FORBIDDEN, reason="no group can be called so")
        except TooManyGroups:
            return replace(FORBIDDEN, reason="too many groups")
        except TPushError:  # there is no room at the moment
            return BUSY
        return None
