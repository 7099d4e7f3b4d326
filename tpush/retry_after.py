"""For how long who has answered wants to be left alone: :rfc:`9110#section-10.2.3`. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_asked(said: str, date: str, now: float | None = None) -> float:
    """Return the seconds that a Retry-After asks for; 0 where it asks for none that can be read.

    An end that is given as a date counts from the answer's own date: clocks differ.

    Args:
        said: what the header says, "" where there is none.
        date: the same of the header Date.
        now: the time of day, in seconds since 1970, for an answer without a Date; None is unknown.
    """
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        end = parsedate_to_datetime(said)
        began = parsedate_to_datetime(date) if date or now is None else _day(now)
        return max(0.0, (end - began).total_seconds())
    # No date, one of the two without a zone, or a number in it that is larger than any.
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _day(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
