"""What a channel still has of a group's messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from tpush.message import Message, Position

Place = tuple[str, Position | None]
"""An event, and what is known of it: the position of the last message that was had, or nothing."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was published to one event.

    Args:
        position: of the newest message; None where the event keeps no history.
        messages: the newest, in their order, without a gap.
    """

    position: Position | None = None
    messages: tuple[Message, ...] = ()

    def since(self, position: Position | None) -> Sequence[Message] | None:
        """Return what came after a message; None where not all of it is there."""
        if position is None or self.position is None or position.epoch != self.position.epoch:
            return None
        missed = self.position.offset - position.offset
        if not 0 <= missed <= len(self.messages):
            return None
        return self.messages[len(self.messages) - missed :]
