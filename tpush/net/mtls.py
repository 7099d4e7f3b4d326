"""The server endpoint ``mtls:``: TLS that asks for a certificate of the client.

Twisted's ``ssl:`` has no way to say so. This one takes what that takes, and ``clientCA``::

    mtls:2206:privateKey=key.pem:certKey=cert.pem:clientCA=ca.pem
"""

from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint, IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamServerEndpointStringParser)
class MTLSParser:
    """Makes the endpoint of what stands behind ``mtls:``."""

    prefix = "mtls"

    def parseStreamServer(  # type: ignore[override]  # noqa: N802 - the interface has the name
        self,
        reactor: Any,
        port: str,
        privateKey: str = "server.pem",  # noqa: N803 - as `ssl:` has them
        certKey: str = "",  # noqa: N803
        clientCA: str = "",  # noqa: N803
        interface: str = "",
        backlog: str = "50",
    ) -> IStreamServerEndpoint:
        """Return the endpoint.

        Args:
            reactor: listens.
            port: a number.
            privateKey: file with the server's key, in PEM.
            certKey: file with its certificate; by default the same.
            clientCA: file with the certificates of the authorities of clients.
            interface: address to listen on; every IPv4 one by default.
            backlog: connections that may wait.

        Raises:
            ValueError: a file holds no certificate, or *clientCA* is missing.
            OSError: a file cannot be read.
        """
        # Here, as a plugin's module is imported whenever anybody looks for plugins.
        from twisted.internet.endpoints import SSL4ServerEndpoint

        from tpush.net.certificates import mutual_options

        if not clientCA:
            raise ValueError("mtls: needs clientCA=, a file with the authorities of clients")
        options = mutual_options(privateKey, certKey or privateKey, clientCA)
        return SSL4ServerEndpoint(reactor, int(port), options, int(backlog), interface)
