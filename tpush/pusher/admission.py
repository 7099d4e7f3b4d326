"""Who may connect: which pages, with which tokens, and into which groups. Pure.

A browser hides the status of a handshake from its page, which would try again without end. So a
page that may connect, and whose token is refused, is taken in and closed at once with a code that
says whether to come back; everybody else gets a status.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from tpush.access import Origins
from tpush.claims import Claims
from tpush.errors import InvalidName, TokenExpired, TokenRefused
from tpush.message import check_name, group_event
from tpush.pusher.closing import BAD_TOKEN, EXPIRED, FORBIDDEN, Close
from tpush.pusher.opening import Opening
from tpush.pusher.refusal import Denied
from tpush.pusher.rights import DEFAULT, Rights
from tpush.tokens import TokenKeys

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

    def check(self, opening: Opening) -> Admitted | Close:
        """Return who it is, or how a page is closed that may connect and is refused.

        Raises:
            Denied: it may not connect.
        """
        origin = opening.origin
        refusal = self.origins.refuse(origin, opening.host)
        if refusal is not None:
            raise Denied(403, refusal)
        try:
            claims = self._claims(opening)
            self._check_groups(claims, opening.groups)
        except TokenRefused as error:
            if origin is None:
                raise Denied(error.status, str(error)) from None
            close = EXPIRED if isinstance(error, TokenExpired) else BAD_TOKEN
            return replace(close, reason=str(error))
        except Denied as denied:
            if origin is None:
                raise
            return replace(FORBIDDEN, reason=denied.reason)
        if claims is NOBODY and not opening.groups:
            return ANYBODY
        return Admitted(claims, opening.groups)

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
                check_name(group and group_event(group))
            except InvalidName:
                raise Denied(403, "no group can be called so") from None
            if not self.rights.may_join(claims, group):
                raise Denied(403, "this client may not join that group")

    def _claims(self, opening: Opening) -> Claims:
        if self.auth is Auth.NONE or self.keys is None:
            return NOBODY
        token = opening.token()
        if token is None:
            if self.auth is Auth.REQUIRED:
                raise TokenRefused("a token is needed")
            return NOBODY
        return self.keys.check(token)
