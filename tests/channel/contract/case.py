"""What the tests of the contract have in common."""

# ruff: noqa: N802 - assertions are named as trial's own

from typing import TYPE_CHECKING

from tests.channel.pipes import EventClock
from tpush.interfaces import IChannel
from tpush.limits import KIB, Limits
from tpush.message import Job, Message

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as Case
else:
    Case = object

LIMITS = Limits(
    content=200 * KIB,
    held_items=50,
    held_bytes=400 * KIB,
    queues=25,
    queue_jobs=30,
    receipts=5,
    subscriptions=20,
)


class Boom(Exception):
    """Raised by a program's callback."""


class ContractCase(Case):
    """What the tests need; those who inherit say how a channel is made."""

    clock: EventClock

    def make(self) -> IChannel:
        """Return one more program's end of the one channel, which has `LIMITS`."""
        raise NotImplementedError

    def settle(self, seconds: float = 0.2) -> None:
        """Let all that was asked for happen."""
        self.clock.run(seconds)

    def made(self) -> IChannel:
        """Return an end that has attached."""
        channel = self.make()
        self.settle()
        return channel

    def listener(self, *events: str) -> tuple[IChannel, list[Message]]:
        """Return an end that listens, and what it gets."""
        channel, got = self.make(), list[Message]()
        for event in events:
            channel.subscribe(event, got.append)
        self.settle()
        return channel, got

    def watcher(self, queue: str, *, ask: bool = False) -> tuple[IChannel, list[Job]]:
        """Return an end that takes jobs, and those that it did."""
        channel, did = self.make(), list[Job]()
        channel.watch(queue, did.append, ask=ask)
        self.settle()
        return channel, did

    def assertGot(self, got: list[Message], *expected: str) -> None:
        """Check contents; what came is forgotten."""
        self.settle()
        self.assertEqual([message.data.decode() for message in got], list(expected))
        got.clear()
