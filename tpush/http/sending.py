"""Publishes on their way: what to send next, when, and what became of each. Pure.

A client carries it out, whatever it does I/O with::

    sending = Sending(publishes, retry, chance, batch=True)
    while True:
        ...                                  # send sending.request
        pause = sending.answered(answer)     # or sending.failed(error)
        if pause is None:
            return sending.outcomes()
        ...                                  # wait

Each publish is *open* until it has an outcome that another attempt would not change. A request has
those that are open: of a batch that was taken in part, the rest alone is sent again. They keep
their idempotency keys, so one that was taken, and whose answer was lost, is not published twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from typing_extensions import override

from tpush.http.errors import TEMPORARY, NotReachable, PublishFailed
from tpush.http.outcome import Answer, Outcome, read_outcomes
from tpush.http.publish import Publish
from tpush.http.request import Exchange, Request, as_body
from tpush.http.retry import Retry

MOST = 1_000
"""Publishes of one batch."""


class Sending(Exchange):
    """One publish, or a batch.

    Args:
        publishes: them, with their idempotency keys.
        retry: when to try again.
        chance: returns a random number, 0 to 1.
        batch: whether they go out as a batch; else there is one alone.

    Raises:
        ValueError: there are too many, or none.
    """

    def __init__(
        self,
        publishes: Sequence[Publish],
        retry: Retry,
        chance: Callable[[], float],
        *,
        batch: bool,
    ) -> None:
        if not 1 <= len(publishes) <= (MOST if batch else 1):
            raise ValueError(f"a batch has 1 to {MOST:,} publishes, not {len(publishes):,}")
        self._publishes = [publish.as_dict() for publish in publishes]
        self._retry = retry
        self._chance = chance
        self._batch = batch
        self._open: Sequence[int] = range(len(publishes))
        self._outcomes: list[Outcome] = [NotReachable("it was not sent")] * len(publishes)
        self._failures = 0
        self._whole: PublishFailed | None = None

    @property
    @override
    def request(self) -> Request:
        publishes = [self._publishes[place] for place in self._open]
        path, said = ("v1/batch", publishes) if self._batch else ("v1/publish", publishes[0])
        return Request(path, as_body(said))

    @override
    def answered(self, answer: Answer) -> float | None:
        try:
            outcomes = read_outcomes(answer, len(self._open), batch=self._batch)
        except PublishFailed as error:
            return self.failed(error, answer.pause)
        self._whole = None
        for place, outcome in zip(self._open, outcomes, strict=True):
            self._outcomes[place] = outcome
        self._open = [p for p in self._open if isinstance(self._outcomes[p], TEMPORARY)]
        return self._again(answer.pause) if self._open else None

    @override
    def failed(self, error: PublishFailed, asked: float = 0.0) -> float | None:
        for place in self._open:
            self._outcomes[place] = error
        self._whole = error if len(self._open) == len(self._outcomes) else None
        return self._again(asked) if isinstance(error, TEMPORARY) else None

    def outcomes(self) -> Sequence[Outcome]:
        """Return what became of each, in their order.

        Raises:
            PublishFailed: the same became of all: a batch was not taken, or nobody was there. Or
                there is one alone, and it has failed.
        """
        if self._whole is not None:
            raise self._whole
        [first, *_] = self._outcomes
        if not self._batch and isinstance(first, PublishFailed):
            raise first
        return self._outcomes

    def _again(self, asked: float) -> float | None:
        self._failures += 1
        return self._retry.pause(self._failures, asked, self._chance())


def with_keys(
    publishes: Sequence[Publish], retry: Retry, draw: Callable[[], str]
) -> Sequence[Publish]:
    """Return the publishes with an idempotency key each, where they may be sent again.

    Args:
        publishes: those that have a key keep it.
        retry: whether they are.
        draw: returns a key that nobody else has.
    """
    if not retry.tries_again:
        return publishes
    return [
        publish if publish.idempotency_key else replace(publish, idempotency_key=draw())
        for publish in publishes
    ]
