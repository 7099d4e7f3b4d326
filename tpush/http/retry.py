"""When to try again: a bounded number of times, further and further apart. Pure."""

from dataclasses import dataclass

FURTHEST_DOUBLING = 64
"""Beyond this the pauses are at their bound whatever they began with."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and when, a publish is tried again.

    The pause doubles with each attempt; half of it is left to chance, so that all who failed
    together do not come back together. Where the publisher has said when to come back, the pause
    comes on top of that.

    Args:
        attempts: requests at the most, the first one counted.
        first: seconds before the second attempt.
        longest: seconds between two attempts where the publisher has not said anything.
        patience: seconds that the publisher may ask for; if it asks for more, it is given up.

    Raises:
        ValueError: one of them is out of its bounds.
    """

    attempts: int = 4
    first: float = 0.2
    longest: float = 10.0
    patience: float = 30.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"there is one attempt at the least, not {self.attempts}")
        if min(self.first, self.longest, self.patience) < 0:
            raise ValueError("seconds are not negative")

    @property
    def tries_again(self) -> bool:
        """Whether there is more than one attempt."""
        return self.attempts > 1

    def pause(self, failures: int, asked: float, chance: float) -> float | None:
        """Return the seconds to wait before the next attempt; None is to give up.

        Args:
            failures: attempts that have failed.
            asked: seconds that the publisher asked for.
            chance: a random number, 0 to 1.
        """
        if failures >= self.attempts or asked > self.patience:
            return None
        doublings = min(failures - 1, FURTHEST_DOUBLING)
        longest: float = min(self.longest, self.first * 2**doublings)
        return asked + longest * (1 + chance) / 2


NO_RETRY = Retry(attempts=1)
"""One attempt."""

DEFAULT = Retry()
