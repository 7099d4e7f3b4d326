"""Has workers do something with connections, and says what came of it."""

import json
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from tpush.interfaces import IChannel
from tpush.message import BROADCAST, Target, group_event, user_event
from tpush.metrics import RATED
from tpush.orders import Info, Order, Show, pack_order
from tpush.publisher.v1.problem import Answer, problem
from tpush.receipt import Receipt


class Ordering:
    """Gives orders through one channel.

    Args:
        channel: where to.
    """

    def __init__(self, channel: IChannel) -> None:
        self._channel = channel

    def give(
        self, order: Order, targets: Sequence[Target], but: Sequence[Target]
    ) -> Deferred[Answer]:
        """Have something done with all connections of some targets.

        Args:
            order: what.
            targets: whom it concerns, one at the least.
            but: whom it does not.

        Raises:
            TPushError: it was not given.
        """
        (event, connection), *also = targets
        given = self._channel.order(
            event, pack_order(order), connection=connection, also=also, but=but
        )
        alone = not also and connection is not None
        return given.addCallback(_done, alone=alone)

    def group(self, group: str, most: int) -> Deferred[Answer]:
        """Tell who is in a group: how many, and the addresses of some."""
        return self._show(group_event(group), most, group=group)

    def user(self, user: str, most: int) -> Deferred[Answer]:
        """Tell where a user is."""
        return self._show(user_event(user), most, user=user)

    def info(self) -> Deferred[Answer]:
        """Tell of all workers of the cluster."""
        return self._channel.order(BROADCAST, pack_order(Info())).addCallback(_info)

    def _show(self, event: str, most: int, **named: str) -> Deferred[Answer]:
        shown = self._channel.order(event, pack_order(Show(most)))
        return shown.addCallback(_shown, most=most, named=named)


def _done(receipt: Receipt, *, alone: bool) -> Answer:
    counts = receipt.counts
    said = {
        "matched": counts.matched,
        "done": counts.written,
        "refused": counts.dropped,
        "workers": receipt.workers,
    }
    if receipt.complete and alone and not counts.matched:
        return problem(404, "no such connection", name="no-such-connection")
    return _complete(receipt, said)


def _shown(receipt: Receipt, *, most: int, named: dict[str, str]) -> Answer:
    addresses = [address for reply in _replies(receipt) for address in reply][:most]
    count = receipt.counts.matched
    said = {**named, "count": count, "connections": addresses, "workers": receipt.workers}
    return _complete(receipt, said)


def _info(receipt: Receipt) -> Answer:
    workers = sorted(_replies(receipt), key=lambda worker: int(worker["worker"]))
    connections = sum(worker["connections"] for worker in workers)
    rates = {name: _sum(workers, name) for name in RATED}
    return _complete(receipt, {"connections": connections, "rates": rates, "workers": workers})


def _sum(workers: Sequence[Any], name: str) -> float:
    # A worker of an earlier version, in the middle of an update, tells of no rates.
    rates: list[float] = [worker.get("rates", {}).get(name, 0.0) for worker in workers]
    return round(sum(rates), 3)


def _replies(receipt: Receipt) -> list[Any]:
    return [json.loads(reply) for reply in receipt.replies]


def _complete(receipt: Receipt, said: dict[str, Any]) -> Answer:
    if receipt.complete:
        return Answer(200, said)
    detail = "not all workers have told in time"
    return problem(504, detail, known=said, missing=receipt.missing)
