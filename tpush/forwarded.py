"""Whose connection it is: the address of a client, behind proxies too. Pure.

A proxy says in a header for whom it asks. It is believed where its own address is one of those that
were given, and for what it added itself: the list is read from its end, as far as proxies are ours.
Which header it is has to be known: a proxy passes on, as the client sent it, the one that it does
not write.
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import AF_INET, inet_pton

UNIX = "unix"
"""Stands for a peer on a unix socket."""

X_FORWARDED_FOR = "x-forwarded-for"
FORWARDED = "forwarded"
""":rfc:`7239`."""

FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;"\s]*))', re.IGNORECASE)
ESCAPED = re.compile(r'\\["\\]')
MAPPED = 96
"""Bits before an IPv4 address in an IPv6 one, :rfc:`4291#section-2.5.5.2`."""

SEPARATOR = re.compile("[,;]")
PORT = re.compile(r"^(?:\[([^\]]*)\](?::.*)?|([0-9]+\.[0-9.]+)(?::.*)?)$")

Address = IPv4Address | IPv6Address


def read_address(text: str) -> Address | None:
    """Return the address in *text*, where it is one; an IPv6 one that holds an IPv4 one is that."""
    try:
        # Of each connection it is asked: this takes a third of the time that ip_address takes.
        address = ip_address(text) if ":" in text else IPv4Address(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def read_peer(peer: str | None) -> Address | None:
    """Return the address of the other end of a connection; None is a unix socket, and has none."""
    return None if peer is None else read_address(peer)


def client_of(address: Address) -> str:
    """Return what one client is told from another by: the address, or of IPv6 the first 64 bits."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


class Proxies:
    """The proxies that are ours, and what they say.

    Args:
        trusted: addresses, networks such as ``10.0.0.0/8``, or ``unix``.
        header: what they write, ``x-forwarded-for`` or ``forwarded``.

    Raises:
        ValueError: one of *trusted* is none of these.
    """

    def __init__(self, trusted: Sequence[str] = (), header: str = X_FORWARDED_FOR) -> None:
        self._unix = UNIX in trusted
        self._networks = [_network(each) for each in trusted if each != UNIX]
        self._header = header

    def direct(self, peer: Address | None) -> Address | None:
        """Return the address of a peer that is no proxy of ours."""
        return None if self._trusts(peer) else peer

    def client(self, peer: Address | None, headers: Mapping[str, str]) -> Address | None:
        """Return who the client is.

        Args:
            peer: the address of the other end.
            headers: by name, in lower case.

        Returns:
            Its address; that of the proxy where it does not say; None where that has none.
        """
        client = peer
        if not self._trusts(client):
            return client
        said = headers.get(self._header, "")
        if self._header == FORWARDED:
            said = _hide_quoted(said)
        for text in reversed(said.split(",")):
            address = self._read(text)
            if address is None:
                return client
            client = address
            if not self._is_ours(address):
                return client
        return client

    def _read(self, text: str) -> Address | None:
        text = text.strip()
        if self._header == FORWARDED:
            found = FOR.search(text)
            text = "" if found is None else found[1] or found[2] or ""
        bare = PORT.match(text)
        return read_address((bare[1] or bare[2]) if bare else text)

    def _trusts(self, address: Address | None) -> bool:
        return self._unix if address is None else self._is_ours(address)

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    """Return a network; one of IPv6 addresses that hold IPv4 ones is that of those, as they are.

    Raises:
        ValueError: it is none.
    """
    network = ip_network(text)
    mapped = read_address(str(network.network_address))
    if isinstance(network, IPv6Network) and isinstance(mapped, IPv4Address):
        return IPv4Network((mapped, network.prefixlen - MAPPED))
    return network


def _hide_quoted(said: str) -> str:
    """Return *said* without the commas and semicolons that stand in quotes, :rfc:`7239#section-4`.

    A proxy may quote what a client sent, its Host. Quotes are paired from the end: what a client
    sent by itself stands at the beginning, and may have one too many.
    """
    parts = ESCAPED.sub("__", said).split('"')
    parts[-2::-2] = [SEPARATOR.sub("_", part) for part in parts[-2::-2]]
    return '"'.join(parts)
