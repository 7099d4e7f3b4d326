"""How much goes on at the moment: counters, looked at now and then, as rates. Pure.

The counters only grow. They are sampled, and a rate is what has been added since the sample that is
as old as the rate looks back.
"""

from collections import deque
from collections.abc import Mapping

SPAN = 5.0
"""Seconds that a rate looks back."""

EVERY = 1.0
"""Seconds between two samples, and the least that a rate is taken over."""


class Rates:
    """Rates of counters that have names, always the same ones."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, Mapping[str, int]]] = deque()

    def sample(self, now: float, counts: Mapping[str, int]) -> None:
        """Note what the counters say.

        Args:
            now: in seconds, of any clock that does not go back.
            counts: by name.
        """
        self._samples.append((now, counts))
        # The first one may be older than the span: a rate is taken over no less than that.
        while len(self._samples) > 1 and now - self._samples[1][0] >= SPAN:
            self._samples.popleft()

    def per_second(self, now: float, counts: Mapping[str, int]) -> dict[str, float]:
        """Return what is added to each counter in a second; 0 before the first sample.

        Args:
            now: as in :meth:`sample`.
            counts: what they say now.
        """
        began, before = self._samples[0] if self._samples else (now, counts)
        seconds = max(EVERY, now - began)
        return {name: round((counts[name] - before[name]) / seconds, 3) for name in counts}
