"""Connection tokens: JSON Web Tokens (:rfc:`7519`) that say who a client is and until when.

An application signs one for each of its users; the pusher checks it with a secret that both have
(HS256), or with a public key (RS256, ES256, EdDSA). Which algorithm goes with a key is settled by
the key, never by the token: a token that says otherwise is not of this key.

A token that names a key is checked with the keys of that name, or with those that have none where
nobody is called so; a token that names none is checked with every key of its algorithm.
"""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jwt

from tpush.claims import Claims
from tpush.errors import InvalidName, TokenExpired, TokenRefused
from tpush.message import check_name, group_event, user_event
from tpush.token_files import Key, Signing, read_public_keys, read_secrets

LONGEST = 8 * 1024
"""Bytes of a token that is looked at."""

FURTHEST = 10 * 365 * 86_400.0
"""Seconds from now beyond which the end of a token is not told apart: no timer takes any number."""

REASONS: dict[type[Exception], str] = {
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidIssuedAtError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is of another issuer",
    jwt.MissingRequiredClaimError: "the token says too little: an audience or an issuer is needed",
    jwt.exceptions.InvalidSubjectError: "the token's sub is no text",
}
WRONG = "the token is not signed with a key of this server"
UNREADABLE = "this is no JSON Web Token"


class Checker:
    """Checks tokens.

    Args:
        keys: any of which may have signed.
        audience: what a token has to be for, its ``aud``; without it, a token that names an
            audience is refused.
        issuer: whose it has to be, its ``iss``; "" asks for none.
        leeway: seconds that clocks may differ.
    """

    def __init__(
        self, keys: Sequence[Key], *, audience: str = "", issuer: str = "", leeway: float = 0.0
    ) -> None:
        self._keys: Sequence[Key] = keys
        self._audience = audience or None
        self._issuer = issuer or None
        self._leeway = leeway

    def check(self, token: str) -> Claims:
        """Return what *token* says.

        Raises:
            TokenExpired: it was valid, and is not any more.
            TokenRefused: it is not valid; the text says why, and nothing of what is in it.
        """
        if len(token) > LONGEST:
            raise TokenRefused(f"a token has at most {LONGEST} bytes")
        try:
            header = _header(token)
        except Exception:  # noqa: BLE001 - what hostile JSON makes its parser raise is no news
            raise TokenRefused(UNREADABLE) from None
        for key in self._candidates(header):
            claims = self._decode(token, key)
            if claims is not None:
                return self._read(claims)
        raise TokenRefused(WRONG)

    def _candidates(self, header: dict[str, Any]) -> Sequence[Key]:
        kid, algorithm = header.get("kid"), header.get("alg")
        named: Sequence[Key] = [key for key in self._keys if kid is not None and key.kid == kid]
        if kid is not None and not named:
            named = [key for key in self._keys if key.kid is None]
        elif kid is None:
            named = self._keys
        return [key for key in named if key.algorithm == algorithm]

    def _decode(self, token: str, key: Key) -> dict[str, Any] | None:
        """Return the claims, or None where it was signed with another key.

        Raises:
            TokenExpired: as :meth:`check` does.
            TokenRefused: as :meth:`check` does.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": self._required()},
                leeway=self._leeway,
            )
        except jwt.InvalidSignatureError:
            return None
        except jwt.ExpiredSignatureError:
            raise TokenExpired("the token has run out") from None
        except Exception as error:  # noqa: BLE001 - see check
            raise TokenRefused(REASONS.get(type(error), UNREADABLE)) from None
        return claims

    def _required(self) -> list[str]:
        asked = (("aud", self._audience), ("iss", self._issuer))
        return [claim for claim, wanted in asked if wanted is not None]

    def _read(self, claims: dict[str, Any]) -> Claims:
        user, end = claims.get("sub"), claims.get("exp")
        if user is not None:
            _check_named(user, user_event)
        left = None if end is None else self._left(int(end))
        return Claims(user, _groups(claims, "groups"), _groups(claims, "publish"), left)

    def _left(self, end: int) -> float:
        now = time.time()
        return max(0.0, min(end, now + FURTHEST) - now + self._leeway)


class TokenKeys(Checker):
    """Checks tokens with the keys of one or two files; read again when they have changed.

    Args:
        secret_file: secrets for HS256, one a line, each of at least 32 bytes; "" is none.
        public_key_file: public keys in PEM: RSA is for RS256, P-256 for ES256, Ed25519 for EdDSA;
            "" is none.
        audience: as :class:`Checker` has it, like the others.
        issuer: the same.
        leeway: the same.

    Raises:
        UnsafeSecret: a file cannot be used.
    """

    def __init__(
        self,
        secret_file: str = "",
        public_key_file: str = "",
        *,
        audience: str = "",
        issuer: str = "",
        leeway: float = 0.0,
    ) -> None:
        super().__init__([], audience=audience, issuer=issuer, leeway=leeway)
        self._secret_file = secret_file
        self._public_key_file = public_key_file
        self.reload()

    def reload(self) -> None:
        """Read the files again.

        Raises:
            UnsafeSecret: one cannot be used; the keys that were there are still in force.
        """
        keys = list(read_secrets(self._secret_file)) if self._secret_file else []
        if self._public_key_file:
            keys += read_public_keys(self._public_key_file)
        self._keys = keys


def sign(claims: Mapping[str, Any], signing: Signing) -> str:
    """Return a token that says *claims*.

    Args:
        claims: as :rfc:`7519` has them.
        signing: the key.
    """
    checks = signing.checks
    headers = {} if checks.kid is None else {"kid": checks.kid}
    return jwt.encode(dict(claims), signing.key, checks.algorithm, headers=headers)


def _header(token: str) -> dict[str, Any]:
    """Return what a token says of its key: to find that, before anything is believed.

    PyJWT's own function looks at all of the token, which is looked at again with the key.
    """
    head, _, _ = token.partition(".")
    header: dict[str, Any] = json.loads(urlsafe_b64decode(head + "=="))
    return header if isinstance(header, dict) else {}


def _groups(claims: dict[str, Any], name: str) -> frozenset[str]:
    groups = claims.get(name, [])
    if not isinstance(groups, list):
        raise TokenRefused(f"the token's {name} are no list")
    for group in groups:
        _check_named(group, group_event)
    return frozenset(groups)


def _check_named(name: Any, event: Callable[[str], str]) -> None:
    try:
        if not name or not isinstance(name, str):
            raise InvalidName("a name is text")
        check_name(event(name))
    except InvalidName:
        raise TokenRefused("a user or a group of the token cannot be called so") from None
