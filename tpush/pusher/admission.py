"""Who may connect: which pages, with which tokens, and into which groups. Pure.

A browser hides the status of a handshake from its page, which would try again without end. So a
page that may connect, and whose token is refused, is taken in and closed at once with a code that
says whether to come back; everybody else gets a status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tpush.access import Origins
from tpush.claims import Claims
from tpush.errors import InvalidName, TokenExpired, TokenRefused
from tpush.message import check_name, group_event
from tpush.pusher.closing import BAD_TOKEN, EXPIRED, FORBIDDEN, Close
from tpush.pusher.refusal import Denied
from tpush.pusher.rights import DEFAULT, Rights
from tpush.tokens import TokenKeys

TOKEN = "tpush.token."  # noqa: S105 - what is before a token among the subprotocols
BEARER = "bearer "

NOBODY = Claims()


@dataclass(frozen=True, slots=True)
class Admitted:
    """A client that may connect.

    Args:
        claims: what its token says.
        groups: that it joins at once.
    """

    claims: Claims = NOBODY
    groups: Sequence[str] = ()


ANYBODY = Admitted()
"""Of whom nothing is known, and who asks for nothing."""


class Auth(Enum):
    """Whether a client needs a token."""

    NONE = "none"
    """None is looked at."""

    OPTIONAL = "optional"
    """One that is there has to be valid."""

    REQUIRED = "required"
    """There has to be one."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What an opening handshake says of who it is.

    Args:
        headers: by name, in lower case.
        host: what it asked for, without the port.
        query: the parameters of its URL.
        protocols: the subprotocols that it offers.
    """

    headers: Mapping[str, str]
    host: str
    query: Mapping[str, Sequence[str]]
    protocols: Sequence[str]

    @property
    def groups(self) -> Sequence[str]:
        """The groups that it asks for."""
        return self.query.get("group", ())

    def token(self) -> str | None:
        """Return the token: of the Authorization header, the subprotocols, or the URL."""
        authorization = self.headers.get("authorization", "")
        if authorization[: len(BEARER)].lower() == BEARER:
            return authorization[len(BEARER) :].strip()
        for protocol in self.protocols:
            if protocol.startswith(TOKEN):
                return protocol[len(TOKEN) :]
        return next(iter(self.query.get("token", ())), None)


@dataclass(frozen=True, slots=True)
class Admission:
    """Lets handshakes through.

    Args:
        origins: which web pages may connect.
        auth: whether a token is needed.
        keys: what tokens are checked with; where there is none, no token is looked at.
        rights: which groups clients may join.
    """

    origins: Origins
    auth: Auth = Auth.NONE
    keys: TokenKeys | None = None
    rights: Rights = DEFAULT

    def check(self, handshake: Handshake) -> Admitted | Close:
        """Return who it is, or how a page is closed that may connect and is refused.

        Raises:
            Denied: it may not connect.
        """
        origin = handshake.headers.get("origin")
        refusal = self.origins.refuse(origin, handshake.host)
        if refusal is not None:
            raise Denied(403, refusal)
        try:
            claims = self._claims(handshake)
            self._check_groups(claims, handshake.groups)
        except TokenRefused as error:
            if origin is None:
                raise Denied(error.status, str(error)) from None
            close = EXPIRED if isinstance(error, TokenExpired) else BAD_TOKEN
            return replace(close, reason=str(error))
        except Denied as denied:
            if origin is None:
                raise
            return replace(FORBIDDEN, reason=denied.reason)
        if claims is NOBODY and not handshake.groups:
            return ANYBODY
        return Admitted(claims, handshake.groups)

    def reload(self) -> None:
        """Read the keys again.

        Raises:
            UnsafeSecret: they cannot be used; those that were there are in force.
        """
        if self.keys is not None:
            self.keys.reload()

    def _check_groups(self, claims: Claims, groups: Sequence[str]) -> None:
        for group in groups:
            try:
                check_name(group_event(group))
            except InvalidName:
                raise Denied(403, "no group can be called so") from None
            if not self.rights.may_join(claims, group):
                raise Denied(403, "this client may not join that group")

    def _claims(self, handshake: Handshake) -> Claims:
        if self.auth is Auth.NONE or self.keys is None:
            return NOBODY
        token = handshake.token()
        if token is None:
            if self.auth is Auth.REQUIRED:
                raise TokenRefused("a token is needed")
            return NOBODY
        return self.keys.check(token)
