"""Defects of receipts."""

from typing import Any

from twisted.internet.defer import Deferred, succeed

from tests.simulation.defects.defect import Defect
from tpush.channel.broker import Broker
from tpush.channel.end import ChannelEnd
from tpush.channel.receipts import Receipts
from tpush.pusher.connection import Connection
from tpush.pusher.receiver import Outcome
from tpush.receipt import Receipt


def away_not_missing(sound: Any) -> Any:
    def tell(self: Any, session: Any, ticket: Any, subscribers: Any) -> None:
        sound(self, session, ticket, [each for each in subscribers if each.connected])

    return tell


def first_is_all(sound: Any) -> Any:
    def take(self: Any, ticket: Any, one: Any) -> Any:
        if not one.told or one.expected is None:
            return sound(self, ticket, one)
        receipt = self._open.pop(ticket).receipt()
        return Receipt(receipt.counts, receipt.workers, 0)

    return take


def gone_is_dropped(sound: Any) -> Any:
    def look_again(self: Any) -> Outcome:
        return Outcome.DROPPED if self.state == self.STATE_CLOSED else sound(self)

    return look_again


def closing_too_late(_: Any) -> Any:
    def close(self: Any) -> Any:
        if self._closing is None:
            held = self.flush() if len(self.outbox) else succeed(None)
            self._closing = Deferred.fromCoroutine(self._close(held))
        return self._closing

    return close


RECEIPT_DEFECTS = (
    Defect("a worker that is away is not said to be missing",
           Broker, "_tell_routed", away_not_missing),
    Defect("a receipt is complete when the first worker has told",
           Receipts, "_take_complete", first_is_all),
    # The next two were not put in: simulation found them.
    Defect("what a client got that has left is called dropped",
           Connection, "look_again", gone_is_dropped),
    Defect("a channel that closes gives receipts up before it takes nothing more",
           ChannelEnd, "close", closing_too_late),
)  # fmt: skip
