"""What a client asks for is done, where it may ask for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tpush.errors import InvalidName, TPushError
from tpush.message import ConnectionID, check_name, group_event
from tpush.pusher.closing import BUSY, FORBIDDEN, Close
from tpush.pusher.commands import Command, Join, Leave, SendToGroup
from tpush.pusher.groups import Groups, TooManyGroups
from tpush.pusher.rights import Rights
from tpush.pusher.telling import NOBODY, Telling
from tpush.tokens import Claims


class Asking(Protocol):
    """A client that has connected."""

    connection: ConnectionID | None
    claims: Claims


class Obeying:
    """Carries commands out, or says how the client is closed that gave one.

    Args:
        groups: who is in which.
        rights: what clients may do.
        publish: publishes a text to an event.
        telling: is told of what was done.
    """

    def __init__(
        self,
        groups: Groups,
        rights: Rights,
        publish: Callable[[str, str], object],
        telling: Telling = NOBODY,
    ) -> None:
        self._groups = groups
        self._rights = rights
        self._publish = publish
        self._telling = telling

    def obey(self, client: Asking, command: Command) -> Close | None:
        """Do what a client asks for; return how it is to be closed, if it is."""
        if client.connection is None:
            return None
        event = group_event(command.group)
        try:
            check_name(event)
            match command:
                case Join(group):
                    if not self._rights.may_join(client.claims, group):
                        return replace(FORBIDDEN, reason="this client may not join that group")
                    if self._groups.join(client.connection, event):
                        self._telling.joined(client, group)
                case Leave(group):
                    if self._groups.leave(client.connection, event):
                        self._telling.left(client, group)
                case SendToGroup(group, message):
                    if not self._rights.may_publish(client.claims, group):
                        return replace(FORBIDDEN, reason="this client may not publish there")
                    self._publish(event, message)
                    self._telling.published(client, group, message)
        except InvalidName:
            return replace(FORBIDDEN, reason="no group can be called so")
        except TooManyGroups:
            return replace(FORBIDDEN, reason="too many groups")
        except TPushError:  # there is no room at the moment
            return BUSY
        return None
