"""What a run of publishes has come to. Pure."""

from collections import Counter
from collections.abc import Sequence


class Rates:
    """Counts publishes, and how long their requests took."""

    def __init__(self) -> None:
        self.accepted = 0
        self.failed: Counter[str] = Counter()
        self._took: list[float] = []

    def add(self, accepted: int, failed: Sequence[str], seconds: float) -> None:
        """Count one request.

        Args:
            accepted: publishes.
            failed: what the others have failed with.
            seconds: that it took.
        """
        self.accepted += accepted
        self.failed.update(failed)
        self._took.append(seconds)

    def lines(self, seconds: float) -> Sequence[str]:
        """Return what is to be told.

        Args:
            seconds: that all of it took.
        """
        took = sorted(self._took)
        p50, p99 = (1000 * took[int(len(took) * part)] if took else 0.0 for part in (0.5, 0.99))
        return [
            f"{self.accepted} messages in {seconds:.2f} s: {self.accepted / seconds:,.0f}/s",
            f"{len(took)} requests: {len(took) / seconds:,.0f}/s, "
            f"half of them within {p50:.1f} ms, 99% within {p99:.1f} ms",
            *(f"{count} failed: {name}" for name, count in sorted(self.failed.items())),
        ]
