"""Who may publish.

With keys: whoever has one. Without: whoever can connect, which is this machine, or a network that
somebody has called closed; but not a web page of another site, that a browser on this machine shows
and that could have it publish here. Such a request says so itself: browsers add an ``Origin`` and
``Sec-Fetch-Site``, and where a page has its own name point here for a moment, a ``Host`` that is
not ours.
"""

from collections.abc import Collection

from tpush.access import KeyRing, host_of, is_ours
from tpush.publisher.errors import CrossSite, Unauthorized
from tpush.publisher.request import PublisherRequest

BEARER = b"bearer "
SAME = (b"none", b"same-origin")
"""What ``Sec-Fetch-Site`` says of an address that was typed, and of a page that came from here."""


class Guard:
    """Lets requests through, or says why not.

    Args:
        keys: one of them is asked for; None asks for none.
        hosts: names of this server, lower case.
    """

    def __init__(self, keys: KeyRing | None = None, hosts: Collection[str] = ()) -> None:
        self._keys = keys
        self._hosts = hosts

    def check(self, request: PublisherRequest) -> None:
        """Let a request through.

        Raises:
            Unauthorized: it has no key, or a wrong one.
            CrossSite: a page of another site may have caused it.
        """
        if self._keys is None:
            self._check_site(request)
        elif not self._keys.opens(_presented(request)):
            raise Unauthorized("a valid API key is needed")

    def _check_site(self, request: PublisherRequest) -> None:
        site = request.getHeader(b"Sec-Fetch-Site")
        if site is not None and site not in SAME:
            raise CrossSite("this comes from a page of another site")
        host = host_of((request.getHeader(b"Host") or b"").decode("latin-1"))
        if host and not is_ours(host, self._hosts):
            raise CrossSite("the Host is not a name of this server: see --host")
        origin = request.getHeader(b"Origin")
        if origin is not None and host_of(origin.decode("latin-1")) != host:
            raise CrossSite("this comes from a page of another site")


def _presented(request: PublisherRequest) -> bytes:
    authorization = request.getHeader(b"Authorization") or b""
    if authorization[: len(BEARER)].lower() == BEARER:
        return bytes(authorization[len(BEARER) :].strip())
    return bytes(request.getHeader(b"X-API-Key") or b"")
