"""How much a publisher has taken on, and when it takes nothing more.

What is refused early costs little, and the back end hears it while it can still go elsewhere. What
is taken is done.
"""

from collections.abc import Callable

from tpush.limits import Limits
from tpush.metrics import PublisherMetrics
from tpush.publisher.errors import Overloaded


class Load:
    """Counts connections and requests, and knows how late the reactor is.

    Args:
        limits: ``http_connections``, ``requests`` and ``lag``.
        metrics: counts what is refused.
        lag: tells by how many seconds the reactor is late.
    """

    def __init__(
        self, limits: Limits, metrics: PublisherMetrics, lag: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.metrics = metrics
        self._limits = limits
        self._lag = lag
        self._connections = 0
        self._requests = 0

    @property
    def requests(self) -> int:
        """How many requests are read or answered at this moment."""
        return self._requests

    def connected(self) -> bool:
        """Count one more connection, if there is room; say whether there was."""
        if self._connections >= self._limits.http_connections:
            self.metrics.full += 1
            return False
        self._connections += 1
        return True

    def disconnected(self) -> None:
        """Count one less."""
        self._connections -= 1

    def begin(self) -> None:
        """Count one more request, whose head is there.

        Raises:
            Overloaded: there are as many as there may be.
        """
        if self._requests >= self._limits.requests:
            raise Overloaded(f"{self._requests} requests are under way, the most: try later")
        self._requests += 1

    def end(self) -> None:
        """Count one less."""
        self._requests -= 1

    def check(self) -> None:
        """Take on one more publish.

        Raises:
            Overloaded: the reactor is late: what is taken on now makes it later.
        """
        lag = self._lag()
        if lag > self._limits.lag:
            raise Overloaded(f"this publisher is {lag:.1f} s late: try later")
