"""Publishes what orders say, and says what became of them."""

from twisted.internet.defer import Deferred

from tpush.errors import TPushError
from tpush.interfaces import IChannel
from tpush.metrics import PublisherMetrics
from tpush.publisher.v1.order import Order
from tpush.publisher.v1.problem import Answer, problem
from tpush.receipt import Receipt

ACCEPTED = Answer(200, {"accepted": True})


class Publishing:
    """Publishes to one channel.

    Args:
        channel: where to.
        metrics: counts receipts.
    """

    def __init__(self, channel: IChannel, metrics: PublisherMetrics) -> None:
        self._channel = channel
        self._metrics = metrics

    def publish(self, order: Order) -> Answer | Deferred[Answer]:
        """Publish.

        Returns:
            What became of it; where a receipt is asked for, that fires when it is known.

        Raises:
            TPushError: it was not published.
        """
        (event, connection), *also = order.targets
        _, but, data, json, receipt, key = order
        if not receipt:
            self._channel.publish(
                event, data, connection=connection, also=also, but=but, key=key, json=json
            )
            return ACCEPTED
        waiting = self._channel.publish(
            event, data, connection=connection, also=also, but=but, key=key, json=json, receipt=True
        )
        return waiting.addCallback(self._answer, addressed=order.addressed)

    def _answer(self, receipt: Receipt, *, addressed: bool) -> Answer:
        answer = _of(receipt, addressed=addressed)
        self._metrics.receipts[answer.status] += 1
        return answer


def refused(error: TPushError) -> Answer:
    """Return what is answered to what was not published.

    Raises:
        TPushError: it is a fault of ours.
    """
    if error.status == TPushError.status:
        raise error
    return problem(error.status, str(error))


def _of(receipt: Receipt, *, addressed: bool) -> Answer:
    said = receipt.as_dict()
    if not receipt.complete:
        detail = "not all workers have told in time what became of it"
        return problem(504, detail, receipt=said)
    if addressed and not receipt.counts.matched:
        return problem(404, "no such connection", name="no-such-connection")
    return Answer(200, said)
