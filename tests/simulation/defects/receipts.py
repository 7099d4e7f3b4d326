"""Defects of receipts."""

from dataclasses import replace
from typing import Any

from tests.simulation.defects.defect import Defect
from tpush.channel.broker import Broker
from tpush.channel.items import Routed
from tpush.channel.receipts import Receipts
from tpush.receipt import Receipt


def away_not_missing(sound: Any) -> Any:
    def tell(self: Any, session: Any, item: Any, size: int) -> None:
        if isinstance(item, Routed):
            there = [worker for worker in item.workers if self._workers[worker].connected]
            item = replace(item, workers=there)
        sound(self, session, item, size)

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
           Broker, "_tell", away_not_missing),
    Defect("a receipt is complete when the first worker has told",
           Receipts, "_take_complete", first_is_all),
)  # fmt: skip
