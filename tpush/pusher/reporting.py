"""Messages whose publisher wants a receipt: written one by one, and told of.

Such a message is not joined with others. What each connection's transport has not handed to the
kernel at once it may have handed over a moment later, as does one that never writes at once (TLS):
so it is looked at once more before the worker tells.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from tpush.message import Message
from tpush.pusher.audience import Listeners
from tpush.pusher.dialect import Joined
from tpush.pusher.fanout import FanOut
from tpush.pusher.receiver import Outcome, Receiver
from tpush.receipt import Counts, Ticket

SECOND_LOOK = 0.02
"""Seconds after which it is looked at once more."""


@dataclass(slots=True, eq=False)
class _Later:
    """What is still to be told of one message; another may have the same ticket."""

    ticket: Ticket
    counts: Counts
    receivers: list[Receiver]


class Reporter:
    """Writes messages that have a ticket, and reports what became of them.

    Args:
        fanout: writes all others; what waits there goes first.
        audience: who is connected.
        clock: tells the time.
        report: is told.
    """

    def __init__(
        self,
        fanout: FanOut,
        audience: Listeners[Receiver],
        clock: IReactorTime,
        report: Callable[[Ticket, Counts], object],
    ) -> None:
        self._fanout = fanout
        self._audience = audience
        self._clock = clock
        self._report = report
        self._later: dict[_Later, IDelayedCall] = {}

    def send(self, message: Message, ticket: Ticket) -> None:
        """Write *message* now, and report under *ticket* what became of it."""
        self._fanout.flush()
        outcomes: list[tuple[Receiver, Outcome]] = []
        joined = Joined([message])
        for target, too, receivers in self._audience.parts(message):
            outcomes += [
                (each, each.write_telling(joined.frames(each.dialect, target, too)))
                for each in receivers
            ]
        self._fanout.traffic.messages += 1
        self._fanout.traffic.deliveries += len(outcomes)
        again = [receiver for receiver, outcome in outcomes if outcome is Outcome.IN_TRANSPORT]
        counts = _count(outcome for _, outcome in outcomes if outcome is not Outcome.IN_TRANSPORT)
        if again:
            later = _Later(ticket, counts, again)
            self._later[later] = self._clock.callLater(SECOND_LOOK, self._look_again, later)
        else:
            self._report(ticket, counts)

    def stop(self) -> None:
        """Report now what would be reported later."""
        for later, call in list(self._later.items()):
            call.cancel()
            self._look_again(later)

    def _look_again(self, later: _Later) -> None:
        del self._later[later]
        counts = _count(receiver.look_again() for receiver in later.receivers)
        self._report(later.ticket, later.counts + counts)


def _count(outcomes: Iterable[Outcome]) -> Counts:
    written = dropped = pending = 0
    for outcome in outcomes:
        if outcome is Outcome.WRITTEN:
            written += 1
        elif outcome is Outcome.DROPPED:
            dropped += 1
        else:
            pending += 1
    return Counts(written, dropped, pending)
