"""How many connections each address has: pure."""

from tpush.forwarded import Address, client_of


class Crowd:
    """Counts connections by address, up to a bound.

    A program on this machine is not bound: it is a proxy that nobody named, or somebody who could
    do worse.

    Args:
        most: connections of one address; 0 is any number.
    """

    __slots__ = ("_counts", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        """Count the addresses."""
        return len(self._counts)

    def has_room(self, address: Address | None) -> bool:
        """Say whether one more connection of *address* would be taken."""
        client = self._key(address)
        return client is None or self._counts.get(client, 0) < self._most

    def take(self, address: Address | None) -> str | None:
        """Count one more connection.

        Returns:
            What it is to be given back by; None where it is not counted.
        """
        client = self._key(address)
        if client is not None:
            self._counts[client] = self._counts.get(client, 0) + 1
        return client

    def give_back(self, client: str | None) -> None:
        """Count one less."""
        if client is None:
            return
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]

    def _key(self, address: Address | None) -> str | None:
        if not self._most or address is None or address.is_loopback:
            return None
        return client_of(address)
