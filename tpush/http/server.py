"""The publisher that is talked to, and what goes along with every request. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class Server:
    """A publisher's URL, and the API key for it.

    Args:
        url: such as ``https://push.example.com``, with a path where it is behind a proxy.
        key: the API key; "" is none. It is in no text of an error.

    Raises:
        ValueError: the URL is none for this, or the key cannot stand in a header.
    """

    url: str
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"a publisher's URL is http://… or https://…, not {self.url!r}")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError("a publisher's URL has no user, no query and no fragment")
        check_authority(parts)
        if not (self.key.isascii() and self.key.isprintable()) or self.key.strip() != self.key:
            raise ValueError("an API key is printable ASCII with no space around it")

    def at(self, path: str) -> str:
        """Return the URL of *path*."""
        return f"{self.url.rstrip('/')}/{path}"

    @property
    def headers(self) -> Mapping[str, str]:
        """What goes along with every request."""
        plain = {"Content-Type": "application/json", "Accept": "application/json"}
        return {**plain, "Authorization": f"Bearer {self.key}"} if self.key else plain


def check_authority(parts: SplitResult) -> None:
    """Check that a URL names a host, and a port if it has one: nobody else says so in one way.

    Args:
        parts: of the URL, which has a host.

    Raises:
        ValueError: it names none.
    """
    try:
        port, _host = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:
        port = 0
    if port == 0:  # which nobody listens on
        raise ValueError(f"{parts.netloc!r} is no host, nor a host and a port")
