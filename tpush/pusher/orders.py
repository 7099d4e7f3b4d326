"""What back ends have this worker do with its clients, or tell of them."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from tpush import orders
from tpush.errors import ProtocolViolation, TPushError
from tpush.message import BROADCAST, Message, group_event, presence_event, user_event
from tpush.orders import Bind, Info, Join, Leave, Order, Show, unpack_order
from tpush.pusher.audience import Audience
from tpush.pusher.client import Client
from tpush.pusher.closing import Close
from tpush.pusher.dialect import Joined
from tpush.pusher.groups import Groups, TooManyGroups
from tpush.pusher.telling import Telling
from tpush.receipt import Counts, Ticket


class Orders:
    """Carries orders out, and reports.

    Args:
        audience: who is connected.
        groups: who is in which group.
        telling: is told of who joins and leaves.
        info: tells of this worker.
        settled: fires when the channel knows what this worker has subscribed to so far.
        report: is told what came of an order.
    """

    log = Logger()

    def __init__(
        self,
        audience: Audience[Client],
        groups: Groups,
        telling: Telling,
        info: Callable[[], Mapping[str, Any]],
        settled: Callable[[], Deferred[None]],
        report: Callable[[Ticket, Counts, bytes], object],
    ) -> None:
        self._audience = audience
        self._groups = groups
        self._telling = telling
        self._info = info
        self._settled = settled
        self._report = report

    def obey(self, message: Message) -> None:
        """Carry out what a message says, with those of its receivers who are here."""
        try:
            order = unpack_order(message.data)
        except ProtocolViolation as violation:  # of a later version, perhaps: it is missing here
            self.log.warn("an order is not obeyed: {reason!r}", reason=str(violation))
            return
        clients = list(self._audience.receivers(message))
        counts, reply = self._carry_out(order, clients)
        if message.ticket is None:
            return
        said = b"" if reply is None else json.dumps(reply).encode()
        report = partial(self._report, message.ticket, counts, said)
        if isinstance(order, Join | Bind):
            # Whoever is told publishes to them: it has to arrive.
            _told = self._settled().addCallbacks(lambda _: report(), lambda _: None)
        else:
            report()

    def _carry_out(self, order: Order, clients: Collection[Client]) -> tuple[Counts, Any]:
        match order:
            case Show(most):
                return Counts(written=len(clients)), self._addresses(clients, most)
            case Info():
                return Counts(), dict(self._info())
        done = [self._do(order, client) for client in clients]
        return Counts(written=sum(done), dropped=len(done) - sum(done)), None

    def _do(self, order: Order, client: Client) -> bool:
        """Carry an order out with one client; return whether that was possible."""
        try:
            match order:
                case orders.Close(code, reason, last):
                    return self._close(client, Close(code, reason, ""), last)
                case Join(group):
                    self._join(client, group)
                case Leave(group):
                    self._leave(client, group)
                case Bind(user):
                    self._bind(client, user)
        except (TooManyGroups, TPushError):
            return False
        return True

    def _addresses(self, clients: Collection[Client], most: int) -> list[str]:
        worker = self._audience.worker
        return [f"{worker}:{client.connection}" for client in islice(clients, most)]

    def _close(self, client: Client, close: Close, last: str | None) -> bool:
        if last is not None:
            target = self._audience.address(client.connection)
            frames = Joined([Message(BROADCAST, last.encode())]).frames(client.dialect, target)
            client.write_frames(frames, 1)
        return client.finish(close)

    def _join(self, client: Client, group: str) -> None:
        if client.connection is not None and self._groups.join(
            client.connection, group_event(group)
        ):
            self._telling.joined(client, group)

    def _leave(self, client: Client, group: str) -> None:
        if client.connection is None:
            return
        # Who is put out of a group is not told of those in it either.
        self._groups.leave(client.connection, presence_event(group))
        if self._groups.leave(client.connection, group_event(group)):
            self._telling.left(client, group)

    def _bind(self, client: Client, user: str | None) -> None:
        if client.connection is None:
            return
        connection, before = client.connection, client.claims.user
        # First, as a user counts towards the groups that one may be in.
        if before is not None and before != user:
            self._groups.leave(connection, user_event(before))
        if user is not None:
            try:
                self._groups.join(connection, user_event(user))
            except (TooManyGroups, TPushError):
                if before is not None:
                    self._groups.join(connection, user_event(before))
                raise
        client.claims = replace(client.claims, user=user)
