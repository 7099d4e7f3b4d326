"""Whether endpoints can be listened on, and by whom they can be reached, without listening."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet.interfaces import IListeningPort
from typing_extensions import override

from tpush.errors import CannotListen
from tpush.net.opening import SYSTEMD, NoPort, Opened, Opener, bind_socket


def exposed_endpoints(reactor: Any, endpoints: Sequence[str]) -> list[str]:
    """Find out now whether *endpoints* can be listened on, and leave them closed.

    Returns:
        Those that another host could connect to.

    Raises:
        CannotListen: one cannot be listened on, by itself or beside another one.
    """
    exposed: list[str] = []
    probed: list[Opened] = []
    try:
        for endpoint in endpoints:
            if endpoint.startswith(SYSTEMD):
                # A socket of systemd's can be taken once only: go by what it is said to be.
                if "UNIX" not in endpoint:
                    exposed.append(endpoint)
                continue
            found = _Probe(reactor, 1).open(endpoint)
            others = [each.endpoint for each in probed if _keep_each_other_out(found, each)]
            probed.append(found)
            if others:
                raise CannotListen(
                    f"cannot listen on {endpoint}: address already in use by {others[0]}"
                )
            if found.path is None and not ip_address(found.address[0]).is_loopback:
                exposed.append(endpoint)
    finally:
        for each in probed:
            each.close()
    return exposed


class _Probe(Opener):
    """Only binds: whoever connected to what listens, and is closed, would have been dropped.

    A port on which somebody listens cannot be bound; but for SO_REUSEPORT, which is not used here.
    """

    @override
    def listenTCP(
        self, port: int, factory: object, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """Bind one socket."""
        family = socket.AF_INET6 if ":" in interface else socket.AF_INET
        bound = bind_socket(family, (interface, port), socket.SO_REUSEADDR)
        self._opened = Opened(self._endpoint, [bound])
        return NoPort()

    @override
    def listenUNIX(
        self,
        address: str,
        factory: object,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: int = 0,
    ) -> IListeningPort:
        """Bind one socket."""
        self._opened = self._bind_path(address)
        return NoPort()


def _keep_each_other_out(one: Opened, other: Opened) -> bool:
    """Say whether only one of both can be listened on at a time."""
    if one.path is not None or other.path is not None:
        return one.path == other.path
    (host, port), (other_host, other_port) = one.address[:2], other.address[:2]
    same = host == other_host or _covers(host, other_host) or _covers(other_host, host)
    return bool(port == other_port and same)


def _covers(host: str, other: str) -> bool:
    """Say whether an address is that of every one, and so of another: ``::`` takes IPv4 too."""
    every, one = ip_address(host), ip_address(other)
    return every.is_unspecified and every.version >= one.version
