"""A URL whose host stays as it was given.

treq has every host be a name by IDNA 2008, which an IPv6 address is not.
"""

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
