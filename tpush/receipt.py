"""What became of one message, in the whole cluster."""

from dataclasses import dataclass
from typing import NewType

Ticket = NewType("Ticket", bytes)
"""Names one message whose publisher wants a receipt: the publisher's key, and a number."""

MAX_TICKET = 64
"""Bytes of a ticket on the wire."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of one message in one worker, in connections.

    Args:
        written: the kernel has taken all of it.
        dropped: it was not given to them: they are closing, or too slow.
        pending: some of it waits in a buffer of ours, or did when they left: they may get it, or
            not.
    """

    written: int = 0
    dropped: int = 0
    pending: int = 0

    @property
    def matched(self) -> int:
        """Those that it was for."""
        return self.written + self.dropped + self.pending

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.written + other.written,
            self.dropped + other.dropped,
            self.pending + other.pending,
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message, as far as workers have told.

    Args:
        counts: the sum of theirs.
        workers: how many have told.
        missing: how many have not, though it went to them; None where it is not known to whom it
            went, as the channel has not told.
        replies: what workers said besides.
    """

    counts: Counts
    workers: int
    missing: int | None
    replies: tuple[bytes, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether all have told."""
        return self.missing == 0

    def as_dict(self) -> dict[str, int | None]:
        """Return it as programs read it; what is missing stands there where it is not complete."""
        counts = self.counts
        said: dict[str, int | None] = {
            "matched": counts.matched,
            "written": counts.written,
            "dropped": counts.dropped,
            "pending": counts.pending,
            "workers": self.workers,
        }
        return said if self.complete else {**said, "missing": self.missing}
