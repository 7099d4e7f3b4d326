"""A ``--channel`` string becomes an IChannel."""

from collections.abc import Mapping
from typing import Any

from twisted.internet.endpoints import clientFromString

from tpush.channel.client import AMPChannel
from tpush.interfaces import IChannel
from tpush.limits import Limits


def connect(
    channel: str = "tcp:127.0.0.1:2206",
    *,
    reactor: Any = None,
    limits: Limits | None = None,
    role: str = "client",
    name: str = "",
    secret: bytes | None = None,
) -> IChannel:
    """Connect to a channel; may be called before the reactor runs, and before a fork.

    Args:
        channel: a Twisted client endpoint string: ``tcp:``, ``unix:`` or ``tls:``.
        reactor: the reactor to use; the default is Twisted's global one.
        limits: bounds and times.
        role: what this program is, for the channel's log.
        name: what it is called, for the channel's log.
        secret: one that the channel has; it is proved by both and never sent.

    Returns:
        One program's end of the channel. It connects by itself, and comes back by itself.

    Raises:
        ValueError: *channel* is not an endpoint string.
    """
    if reactor is None:
        from twisted.internet import reactor
    try:
        endpoint = clientFromString(reactor, channel)
    except TypeError as error:  # what its parsers raise for a field too few
        raise ValueError(f"{channel!r} is no client endpoint string: {error}") from None
    return AMPChannel(
        endpoint,
        reactor,
        limits,
        role=role,
        name=name,
        secrets=() if secret is None else (secret,),
    )


def connect_role(role: str, settings: Mapping[str, Any], reactor: Any, limits: Limits) -> IChannel:
    """Connect a role to its channel.

    Args:
        role: its name.
        settings: what its command line says, as it travels to a worker process.
        reactor: the reactor to use; None is Twisted's global one.
        limits: bounds and times.
    """
    secrets = settings["secrets"]
    return connect(
        settings["channel"],
        reactor=reactor,
        limits=limits,
        role=role,
        name=settings["name"],
        secret=bytes.fromhex(secrets[0]) if secrets else None,
    )
