"""URLs, as treq and Twisted take them.

treq has every host be a name by IDNA 2008, which an IPv6 address is not. Nor does Twisted connect
to what is neither, whatever the system's resolver would make of it.
"""

from ipaddress import ip_address

import idna
from hyperlink import EncodedURL
from typing_extensions import override


class AsGiven(EncodedURL):
    """A URL for treq, whose host is left alone unless it has to be turned into ASCII."""

    @override
    def to_uri(self) -> EncodedURL:
        host = self.host
        if not host.isascii():
            return super().to_uri()
        return EncodedURL.to_uri(self.replace(host="")).replace(host=host)


def check_host(url: str) -> None:
    """Check that the host of a URL is one that Twisted connects to.

    Args:
        url: it has a host.

    Raises:
        ValueError: it is none; one with an underscore is none, though others may know it.
    """
    try:
        host = AsGiven.from_text(url).host
    except ValueError:
        raise ValueError("the URL cannot be read") from None
    try:
        ip_address(host)
    except ValueError:
        _check_name(host)


def _check_name(host: str) -> None:
    try:
        idna.encode(host, uts46=True)
    except ValueError as error:
        raise ValueError(f"{host!r} is no name of a host: {error}") from None
