"""Connections that a proxy makes for others, with a protocol that says for whom."""

from typing import Any

from twisted.internet.interfaces import IAddress, IProtocol, IProtocolFactory
from zope.interface import implementer

HAPROXY = "haproxy:"
"""How endpoint strings begin that speak the PROXY protocol."""


@implementer(IProtocolFactory)
class BehindProxy:
    """Makes the protocols of a factory, for peers of which nothing is known yet.

    The address that a connection comes from is the proxy's, and counts for nobody. Whose it is, its
    transport says once the PROXY protocol's head has come.

    Args:
        factory: whose protocols.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self._factory = factory

    def doStart(self) -> None:  # noqa: N802 - IProtocolFactory has the name
        """Be told of a port that listens."""
        self._factory.doStart()

    def doStop(self) -> None:  # noqa: N802 - the same
        """Be told of a port that listens no more."""
        self._factory.doStop()

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # noqa: N802 - the same
        """Return the protocol of a connection."""
        # Of a factory of ours, which takes None as Twisted's do.
        nobody: Any = None
        return self._factory.buildProtocol(nobody)
