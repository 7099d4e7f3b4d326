"""Defects of receipts."""

from typing import Any

from tests.simulation.defects.defect import Defect
from tpush.channel.broker import Broker
from tpush.channel.receipts import Receipts
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


RECEIPT_DEFECTS = (
    Defect("a worker that is away is not said to be missing",
           Broker, "_tell_routed", away_not_missing),
    Defect("a receipt is complete when the first worker has told",
           Receipts, "_take_complete", first_is_all),
)  # fmt: skip
