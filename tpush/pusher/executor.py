"""What a client asks for is done, where it may ask for it."""

from tpush.message import ConnectionID, check_name, group_event, presence_event
from tpush.pusher.client import Client
from tpush.pusher.commands import Command, Join, Leave, SendToGroup
from tpush.pusher.groups import Exchange, Groups
from tpush.pusher.presence import PresentGroups
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
        present: groups whose members clients are told of.
    """

    def __init__(
        self,
        groups: Groups,
        rights: Rights,
        exchange: Exchange,
        telling: Telling,
        present: PresentGroups,
    ) -> None:
        self._groups = groups
        self._rights = rights
        self._exchange = exchange
        self._telling = telling
        self._present = present

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
            case Join(group, presence):
                self.check_join(client, group, presence=presence)
                self._join(client, client.connection, group, presence=presence)
            case Leave(group):
                self._groups.leave(client.connection, presence_event(group))
                if self._groups.leave(client.connection, event):
                    self._telling.left(client, group)
            case SendToGroup(group, message, json):
                self.check_publish(client, group)
                self._exchange.publish(event, message, json=json)
                self._telling.published(client, group, message)

    def check_join(self, client: Client, group: str, *, presence: bool) -> None:
        """Check that a client may join a group, and be told who is there.

        Raises:
            Forbidden: it may not.
        """
        if not self._rights.may_join(client.claims, group):
            raise Forbidden("this client may not join that group")
        if presence and group not in self._present:
            raise Forbidden("nobody is told who is in that group")

    def check_publish(self, client: Client, group: str) -> None:
        """Check that a client may publish to a group.

        Raises:
            Forbidden: it may not.
        """
        if not self._rights.may_publish(client.claims, group):
            raise Forbidden("this client may not publish there")

    def _join(
        self, client: Client, connection: ConnectionID, group: str, *, presence: bool
    ) -> None:
        watches = presence and self._groups.join(connection, presence_event(group))
        try:
            joins = self._groups.join(connection, group_event(group))
        except Exception:
            if watches:
                self._groups.leave(connection, presence_event(group))
            raise
        if joins:
            self._telling.joined(client, group)
