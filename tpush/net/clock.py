"""The clock that timers go by.

Twisted's reactors go by the time of day (``time.time``). When that is set, by hand or by a time
server that finds itself hours off, all timers of a process are late by as much, or fire at once:
heartbeats stop, links that are well are taken for dead, every client is disconnected for a ping
that it was never sent. So a reactor that is tpush's own goes by a clock that nobody sets.
"""

import time
from typing import Any


def go_steady(reactor: Any) -> None:
    """Let all timers of *reactor* go by a clock that nobody sets.

    Called by programs that are tpush's own alone, the roles' plugins and their worker processes,
    and before any timer is set: it is a setting of the whole process, and a timer that was set
    before it would not fire in this life. The time for which a machine sleeps does not count.

    Args:
        reactor: any of Twisted's; they all ask it for the time.
    """
    reactor.seconds = time.monotonic


def time_of_day() -> float:
    """Return the time of day, in seconds since 1970: for what others are told, and for no timer."""
    return time.time()
