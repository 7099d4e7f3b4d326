"""Ports for roles to listen on."""

import os
import socket
from itertools import cycle

TRIALS = 16
"""Trials that run side by side draw different ports, where their numbers are not that far apart."""

PORTS = cycle(range(20_000 + os.getpid() % TRIALS, 32_000, TRIALS))
"""For roles, one after the other; the kernel's own begin at 32,768, where nobody has set it
otherwise."""


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
