"""What listens to what clients say."""

from typing import Protocol

from tpush.message import ConnectionID
from tpush.pusher.closing import Close
from tpush.tokens import Claims


class Speaking(Protocol):
    """A client that has connected."""

    connection: ConnectionID | None
    claims: Claims

    def write_frames(self, frames: bytes, messages: int) -> None:
        """Write; nothing where the connection is closing."""

    def close(self, close: Close) -> None:
        """Begin the closing handshake."""


class Hearing(Protocol):
    """Listens to clients that speak one dialect. Never raises."""

    def hear(self, client: Speaking, payload: bytes, *, text: bool) -> None:
        """Take a message of a client.

        Args:
            client: whose.
            payload: valid UTF-8 where *text* is true.
            text: whether it came as text.
        """
