"""Takes the samples of a worker's rates."""

from collections.abc import Callable, Mapping

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from typing_extensions import override

from tpush.pusher.rates import EVERY, Rates


class Sampler(Service):
    """Samples counters every second.

    Args:
        clock: tells the time.
        counts: returns the counters by name.
    """

    def __init__(self, clock: IReactorTime, counts: Callable[[], Mapping[str, int]]) -> None:
        self._clock = clock
        self._counts = counts
        self._rates = Rates()
        self._call: IDelayedCall | None = None

    @override
    def startService(self) -> None:
        super().startService()
        self._sample()

    @override
    def stopService(self) -> None:
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def per_second(self) -> dict[str, float]:
        """Return what was added to each counter in a second, over the last few of them."""
        return self._rates.per_second(self._clock.seconds(), self._counts())

    def _sample(self) -> None:
        self._call = self._clock.callLater(EVERY, self._sample)
        self._rates.sample(self._clock.seconds(), self._counts())
