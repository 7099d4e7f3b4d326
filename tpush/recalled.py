"""What a channel still has of a group's messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from tpush.errors import InvalidAddress
from tpush.message import MAX_ID, Message, Position, check_name

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


def check_places(places: Sequence[Place]) -> Sequence[Place]:
    """Return *places* if a channel can be asked about them.

    Raises:
        InvalidName: no event can be called so, or no epoch.
        InvalidAddress: no message can have that offset, or an event is asked about twice for one
            epoch: both would be answered in full.
    """
    asked = set[tuple[str, str | None]]()
    for event, position in places:
        check_name(event)
        if position is not None:
            check_name(position.epoch)
            if type(position.offset) is not int or not 0 <= position.offset <= MAX_ID:
                raise InvalidAddress(f"an offset is a whole number from 0 to {MAX_ID}")
        asked.add((event, None if position is None else position.epoch))
    if len(asked) < len(places):
        raise InvalidAddress("an event is asked about once for each epoch")
    return places
