"""One client that has connected, as those see it who do something about it."""

from typing import Protocol

from tpush.claims import Claims
from tpush.message import ConnectionID
from tpush.pusher.closing import Close
from tpush.pusher.receiver import Receiver


class Client(Receiver, Protocol):
    """A client that has connected."""

    connection: ConnectionID | None
    """Its id; None until it was greeted."""

    claims: Claims
    """Who it is, and what it may do."""

    def close(self, close: Close) -> None:
        """Begin the closing handshake."""

    def finish(self, close: Close) -> bool:
        """Close once all that waits has been sent; return whether it had not begun to close."""
        ...
