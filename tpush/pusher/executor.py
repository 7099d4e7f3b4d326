"""What a client asks for is done, where it may ask for it."""

from tpush.message import check_name, group_event
from tpush.pusher.client import Client
from tpush.pusher.commands import Command, Join, Leave, SendToGroup
from tpush.pusher.groups import Exchange, Groups
from tpush.pusher.rights import Rights
from tpush.pusher.telling import Telling


class Forbidden(Exception):
    """A client may not do what it asks for."""


class Executor:
    """Carries commands out.

    Args:
        groups: who is in which.
        rights: what clients may do.
        exchange: publishes.
        telling: is told of what was done.
    """

    def __init__(
        self, groups: Groups, rights: Rights, exchange: Exchange, telling: Telling
    ) -> None:
        self._groups = groups
        self._rights = rights
        self._exchange = exchange
        self._telling = telling

    def execute(self, client: Client, command: Command) -> None:
        """Do what a client asks for.

        Raises:
            Forbidden: it may not ask for it.
            InvalidName: no group can be called so.
            TooManyGroups: it has joined as many as it may.
            TPushError: there is no room at the moment.
        """
        if client.connection is None:
            return
        event = check_name(group_event(command.group))
        match command:
            case Join(group):
                self.check_join(client, group)
                if self._groups.join(client.connection, event):
                    self._telling.joined(client, group)
            case Leave(group):
                if self._groups.leave(client.connection, event):
                    self._telling.left(client, group)
            case SendToGroup(group, message, json):
                self.check_publish(client, group)
                self._exchange.publish(event, message, json=json)
                self._telling.published(client, group, message)

    def check_join(self, client: Client, group: str) -> None:
        """Check that a client may join a group.

        Raises:
            Forbidden: it may not.
        """
        if not self._rights.may_join(client.claims, group):
            raise Forbidden("this client may not join that group")

    def check_publish(self, client: Client, group: str) -> None:
        """Check that a client may publish to a group.

        Raises:
            Forbidden: it may not.
        """
        if not self._rights.may_publish(client.claims, group):
            raise Forbidden("this client may not publish there")
