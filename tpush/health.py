"""Whether a role is of use at this moment, for whoever balances load."""

from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger

from tpush.interfaces import IChannel


class Health:
    """What ``/health`` says of a role.

    Args:
        channel: the role's.
        clock: tells the time.
        grace: seconds for which a role that goes away says so, before it does anything else.
    """

    log = Logger()

    def __init__(self, channel: IChannel, clock: Any, grace: float = 0) -> None:
        self._channel = channel
        self._clock = clock
        self._grace = grace
        self.draining = False
        """Whether the role is going away."""

    def complaint(self) -> str:
        """Return why nothing new should be sent here, or nothing."""
        if self.draining:
            return "draining"
        return "" if self._channel.connected else "channel not connected"

    async def drain(self) -> None:
        """Say that the role goes away; returns when those who ask now and then know it."""
        self.draining = True
        if self._grace:
            self.log.info("going away: /health says so for {grace:g} s", grace=self._grace)
            await deferLater(self._clock, self._grace)
