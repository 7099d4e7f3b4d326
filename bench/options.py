"""The command line of the bench."""

from __future__ import annotations

import argparse
import os
import resource
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import wire
from publish import PublishURL

# Open files besides the connections.
_SPARE_FILES = 64


@dataclass(frozen=True, slots=True)
class Options:
    """The command line's choices."""

    connections: int
    at_once: int
    warm_up: int
    rounds: int
    burst: int
    in_flight: int
    bytes: int
    runs: int
    limit: int
    workers: int
    server_cpu: int
    client_cpu: int
    role_cpus: list[int] | None
    host: str
    port: int | None
    path: str
    greeting: bool
    publish_url: PublishURL | None
    pid: list[int]
    json: bool


def loopback(host: str) -> str:
    """A host as a numeric loopback address: load goes nowhere else.

    Args:
        host: ``localhost`` or an address.

    Raises:
        ArgumentTypeError: it is anything else.
    """
    try:
        address = ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{host!r} is no loopback address") from None
    if not address.is_loopback:
        raise argparse.ArgumentTypeError(f"{host} is not on loopback: load goes nowhere else")
    return str(address)


def publish_url(text: str) -> PublishURL:
    """A publish URL from the command line.

    Args:
        text: such as ``http://127.0.0.1:4237/?content=``; a message's content is put behind it.

    Raises:
        ArgumentTypeError: it is not plain HTTP.
    """
    parts = urllib.parse.urlsplit(text)
    if parts.scheme != "http" or parts.hostname is None:
        raise argparse.ArgumentTypeError(f"expected http://HOST:PORT/…, got {text!r}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return PublishURL(loopback(parts.hostname), parts.port or 80, target)


def cpu(text: str) -> int:
    """A CPU that this process may use.

    Args:
        text: its number.

    Raises:
        ArgumentTypeError: this process may not use it.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if not text.isdecimal() or int(text) not in allowed:
        raise argparse.ArgumentTypeError(f"{text} is not one of the CPUs {allowed}")
    return int(text)


def role_cpus(text: str) -> list[int]:
    """Three CPUs: for the channel, the pusher and the publisher.

    Args:
        text: their numbers with commas between.

    Raises:
        ArgumentTypeError: there are not three.
    """
    cpus = [cpu(part) for part in text.split(",")]
    if len(cpus) != 3:
        raise argparse.ArgumentTypeError(f"expected CPUs for channel, ws and http, got {text!r}")
    return cpus


def between(low: int, high: int) -> Callable[[str], int]:
    """A whole number within bounds.

    Args:
        low: the least.
        high: the most.
    """

    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text} is not from {low} to {high}")
        return int(text)

    return parse


def build_parser() -> argparse.ArgumentParser:
    """The command line: what to measure, and on which CPUs."""
    cpus = sorted(os.sched_getaffinity(0))
    sizes = wire.MESSAGE_BYTES
    count = between(1, 1_000_000)
    parser = argparse.ArgumentParser(
        description="Measure what one message to many WebSocket clients costs."
    )
    add = parser.add_argument
    add("--connections", type=count, default=1000, help="clients (%(default)s)")
    add("--at-once", type=count, default=50, help="handshakes on their way (%(default)s)")
    add("--warm-up", type=count, default=50, help="clients before memory is read (%(default)s)")
    add("--rounds", type=count, default=200, help="messages, one after the other (%(default)s)")
    add("--burst", type=count, default=2000, help="messages as fast as answered (%(default)s)")
    add("--in-flight", type=count, default=32, help="requests in flight in a burst (%(default)s)")
    add("--bytes", type=between(sizes.start, sizes[-1]), default=64, help="a message (%(default)s)")
    add("--runs", type=count, default=1, help="times to measure; medians follow (%(default)s)")
    add("--limit", type=count, default=120, help="seconds that a run may take (%(default)s)")
    add("--workers", type=count, default=1, help="worker processes of tpush-ws (%(default)s)")
    add("--server-cpu", type=cpu, default=cpus[0], help="CPU of roles and yardstick (%(default)s)")
    add("--client-cpu", type=cpu, default=cpus[:2][-1], help="CPU of the load (%(default)s)")
    add("--role-cpus", type=role_cpus, help="CPUs of channel, ws and http instead, as in 0,1,2")
    add("--json", action="store_true", help="print one JSON object")
    _add_other_server(parser)
    return parser


def _add_other_server(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("to measure another server; no role is started").add_argument
    add("--publish-url", type=publish_url, help="where to publish; ends where the content begins")
    add("--host", type=loopback, default="127.0.0.1", help="WebSocket address (%(default)s)")
    add("--port", type=between(1, 65_535), help="WebSocket port")
    add("--path", default="/", help="WebSocket path (%(default)s)")
    add(
        "--no-greeting",
        dest="greeting",
        action="store_false",
        help="the server does not greet a connection with its address",
    )
    add(
        "--pid",
        type=between(2, 2**22),
        action="append",
        default=[],
        help="a server process to account, with its children; repeatable",
    )


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; a mistake ends the process with status 2.

    Args:
        arguments: without the program's name.
    """
    parser = build_parser()
    options = Options(**vars(parser.parse_args(arguments)))
    if (options.publish_url is None) != (options.port is None):
        parser.error("--publish-url and --port go together")
    if options.pid and options.publish_url is None:
        parser.error("--pid is for another server: give --publish-url too")
    files = options.connections + options.warm_up + _SPARE_FILES
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if allowed != resource.RLIM_INFINITY and files > allowed:
        parser.error(f"that takes {files} open files, and {allowed} are allowed (ulimit -Hn)")
    return options
