"""Comes back where a connection is lost: further and further apart, as long as it takes."""

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from tpush.command.ending import Lost
from tpush.hooks.backoff import pause

FIRST, MOST = 1.0, 30.0
"""Seconds before the first attempt to come back, and the most before any; half is left to chance:
all that were at a worker that went away come back."""

STEADY = 10.0
"""Seconds of a connection after which the pauses begin anew."""


async def keep_coming_back(
    connect: Callable[[], Awaitable[int]],
    reactor: IReactorTime,
    chance: Callable[[], float],
    tell: Callable[[str], object],
) -> int:
    """Return what a connection has ended with, other than that it was lost.

    One that never was there is not waited for: its URL may be wrong.

    Args:
        connect: makes a connection; fires with the exit status at its end.
        reactor: tells the time.
        chance: returns a number from 0 to 1, for the length of pauses.
        tell: is told of each that is lost, in a line.

    Raises:
        Lost: the first was never made.
        Ended: none would be made again.
    """
    opened, failures = False, 0
    while True:
        began = reactor.seconds()
        try:
            return await connect()
        except Lost as lost:
            opened = opened or lost.opened
            if not opened:
                raise
            steady = lost.opened and reactor.seconds() - began >= STEADY
            failures = 1 if steady else failures + 1
            wait = pause(failures, FIRST, MOST, chance())
            tell(f"{lost}; coming back in {wait:.1f} s")
        await deferLater(reactor, wait)
