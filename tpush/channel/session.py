"""One program's state in the broker.

It outlives its link: for ``limits.linger`` seconds after the link was lost, what is for it is kept,
and is sent again when it is back.
"""

from dataclasses import dataclass

from tpush.channel.inbox import Ledger
from tpush.channel.items import Outgoing
from tpush.channel.outbox import Outbox
from tpush.message import WorkerID


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a peer says that it is.

    Args:
        key: drawn at random by the program, 16 bytes: the same key is the same program.
        role: what it is, for the log.
        name: what it is called, for the log.
        worker: the id that it claims.
    """

    key: bytes
    role: str = "client"
    name: str = ""
    worker: WorkerID | None = None


class Session:
    """One program's state in the broker."""

    __slots__ = (
        "connected",
        "elsewhere",
        "had",
        "ledger",
        "outbox",
        "peer",
        "restored",
        "token",
    )

    def __init__(self, peer: Peer, token: bytes) -> None:
        self.peer = peer
        self.token = token
        """Tells it from every other session, of this program too, and of every broker."""
        self.had: int | None = None
        """Where the program had another before, and is yet to have this one restored: how much this
        broker had routed up to the end of that."""
        self.restored = False
        """Whether the program has ever named all that it has."""
        self.connected = True
        self.outbox: Outbox[Outgoing] = Outbox()
        self.ledger = Ledger()
        self.elsewhere = 0
        """Requests up to this number may have been carried out by another broker before."""
