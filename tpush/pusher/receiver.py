"""One connection, as those see it who write to many."""

from enum import Enum
from typing import Protocol

from tpush.pusher.dialect import Dialect


class Outcome(Enum):
    """What became of one message for one connection."""

    WRITTEN = "written"
    """The kernel has it."""

    IN_TRANSPORT = "in transport"
    """Its transport has some of it, or had when the connection ended: it may get it, or not."""

    WAITING = "waiting"
    """It waits in the backlog, where it may be dropped."""

    DROPPED = "dropped"
    """It was not given to it."""


class Receiver(Protocol):
    """Takes whole frames. Never calls back."""

    dialect: Dialect
    """In which its frames are made."""

    def write_frames(self, frames: bytes, messages: int) -> None:
        """Write; nothing where the connection is closing.

        Args:
            frames: what goes out.
            messages: how many they are.
        """

    def write_telling(self, frame: bytes) -> Outcome:
        """Write one message; tell what became of it."""
        ...

    def look_again(self) -> Outcome:
        """Tell what has become of the message that its transport had."""
        ...
