"""How many connections each address has: pure."""

from tpush.forwarded import Address, client_of


def counted_as(address: Address | None) -> str | None:
    """Return what a connection of *address* counts for; None where it is not counted.

    A program on this machine is not: it is a proxy that nobody named, or somebody who could do
    worse.
    """
    return None if address is None or address.is_loopback else client_of(address)


class Crowd:
    """Counts connections by client, up to a bound.

    Args:
        most: connections of one client; 0 is any number.
    """

    __slots__ = ("_counts", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        """Count the clients."""
        return len(self._counts)

    def has_room(self, client: str | None) -> bool:
        """Say whether one more connection would be taken; None is not counted."""
        return client is None or not self._most or self._counts.get(client, 0) < self._most

    def take(self, client: str | None) -> None:
        """Count one more connection."""
        if client is not None:
            self._counts[client] = self._counts.get(client, 0) + 1

    def give_back(self, client: str | None) -> None:
        """Count one less."""
        if client is None:
            return
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]
