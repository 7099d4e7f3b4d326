"""Ports for roles to listen on."""

import socket
from collections.abc import Iterator
from itertools import cycle

TRIALS = 16
"""Trials that may run side by side on a machine: each draws ports of its own."""


def _ports() -> Iterator[int]:
    """Yield ports for roles, one after the other.

    The kernel's own begin at 32,768, where nobody has set it otherwise.

    Raises:
        RuntimeError: all of them are others'.
    """
    for number in range(TRIALS):
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0tpush-test-ports-{number}")
            except OSError:
                continue  # another trial has them, for as long as it runs
            yield from cycle(range(20_000 + number, 32_000, TRIALS))
    raise RuntimeError(f"{TRIALS} trials run on this machine, and have a share of the ports each")


PORTS = _ports()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on at this moment.

    It is none of those that the kernel gives to clients: until a role listens on it, one of
    thousands could have it.
    """
    while True:
        port = next(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
