"""Whether there is room for one more connection: in all, in handshakes, and for its address. Pure.

A connection counts as a handshake until it has opened, and for its client from when that is
known: behind a proxy that is in the head of its handshake.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tpush.forwarded import Address, Proxies, read_peer
from tpush.metrics import PusherMetrics
from tpush.pusher.crowd import Crowd, counted_as
from tpush.pusher.refusal import Denied

SHARE = 4
"""One address has at most this part of all handshakes: else a stranger could have them all."""


class NoRoom(Denied):
    """There is no room for a connection."""


@dataclass(slots=True, eq=False)
class Place:
    """What one connection counts as."""

    peer: str | None
    """The address that it comes from; None is a unix socket."""
    address: Address | None
    """The same, read."""
    handshake: str | None
    """Whom it counts for until it has opened."""
    client: str | None = None
    """Whom it counts for from when its client is known."""
    opening: bool = True


class Room:
    """Counts connections.

    Args:
        most: in all.
        handshakes: of them that have not opened.
        of_an_address: connections of one address; 0 is any number.
        proxies: that are ours.
        metrics: counts those that are not taken.
    """

    def __init__(
        self,
        most: int,
        handshakes: int,
        of_an_address: int,
        proxies: Proxies,
        metrics: PusherMetrics,
    ) -> None:
        self._most = most
        self._most_handshakes = handshakes
        self._proxies = proxies
        self._metrics = metrics
        self._all = 0
        self._opening = 0
        self._clients = Crowd(of_an_address)
        self._handshakes = Crowd(max(1, handshakes // SHARE))

    def may_arrive(self) -> bool:
        """Say whether there is room for one more handshake; whoever comes had better wait."""
        return self._opening < self._most_handshakes

    def arrive(self, peer: str | None) -> Place:
        """Take in a connection whose handshake begins.

        Raises:
            NoRoom: there is none.
        """
        if self._all >= self._most or self._opening >= self._most_handshakes:
            self._metrics.full += 1
            raise NoRoom(503, "there is no room: come back later")
        address = read_peer(peer)
        # Its client is known already, unless it is a proxy.
        client = counted_as(self._proxies.direct(address))
        if not (self._clients.has_room(client) and self._handshakes.has_room(client)):
            self._refuse_address()
        self._handshakes.take(client)
        self._all += 1
        self._opening += 1
        return Place(peer, address, client)

    def know(self, place: Place, peer: str | None, headers: Mapping[str, str]) -> Address | None:
        """Count a connection for its client, whose handshake has arrived.

        Args:
            place: what it counts as.
            peer: the address that it comes from, as a proxy's protocol may have told by now.
            headers: of the handshake, by name, in lower case.

        Returns:
            The address of the client; None on a unix socket.

        Raises:
            NoRoom: its address has as many as it may.
        """
        address = place.address if peer == place.peer else read_peer(peer)
        known = self._proxies.client(address, headers)
        client = place.handshake
        if client is None or known is not place.address:
            client = counted_as(known)
        if not self._clients.has_room(client):
            self._refuse_address()
        self._clients.take(client)
        place.client = client
        return known

    def opened(self, place: Place) -> None:
        """Be told that a handshake is done."""
        if place.opening:
            place.opening = False
            self._opening -= 1
            self._handshakes.give_back(place.handshake)

    def leave(self, place: Place) -> None:
        """Be told that a connection is gone."""
        self.opened(place)
        self._all -= 1
        self._clients.give_back(place.client)

    def _refuse_address(self) -> None:
        self._metrics.crowded += 1
        raise NoRoom(429, "too many connections of this address: come back later")
