"""``tpush token``: makes a client's token, or says what is in one."""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tpush.access import secrets_of
from tpush.command.api import kind
from tpush.command.ending import Ended, WrongUsage
from tpush.command.status import Status
from tpush.errors import TokenRefused
from tpush.kinds import whole
from tpush.token_files import Signing, read_private_key, read_secret_to_sign
from tpush.tokens import Checker, TokenKeys, sign

NAME = "token"
SUMMARY = "make a client's token, or check one"
EXAMPLES = """\
  umask 077    # what is made is for nobody else to read
  tpush token make --secret-file tokens.secret --user ann --group news > ann.token
  tpush token check --secret-file tokens.secret < ann.token
  openssl genpkey -algorithm ed25519 -out tokens.key
  openssl pkey -in tokens.key -pubout -out tokens.pub    # what pushers check with
  tpush token make --private-key-file tokens.key --user ann > ann.token
"""
TOKEN = "TPUSH_TOKEN"  # noqa: S105 - the name of a variable


def add_options(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    verbs = parser.add_subparsers(metavar="make | check", required=True)
    make = verbs.add_parser("make", help="print a token", allow_abbrev=False)
    make.set_defaults(verb=_make)
    signs = make.add_mutually_exclusive_group(required=True)
    signs.add_argument(
        "--secret-file",
        default="",
        metavar="FILE",
        help="file with secrets, as --token-secret-file of a pusher; the first one signs by HS256",
    )
    signs.add_argument(
        "--private-key-file",
        default="",
        metavar="FILE",
        help="file with a private key in PEM, the first one signs: RSA by RS256, P-256 by ES256, "
        "Ed25519 by EdDSA; pushers have its public half",
    )
    make.add_argument(
        "--kid",
        type=kind(_name_of_key),
        metavar="NAME",
        help="what the token calls the key; by default as a comment before it does (# kid: NAME)",
    )
    make.add_argument("--user", metavar="NAME", help="who its holder is")
    make.add_argument("--group", action="append", metavar="NAME", help="what the holder may join")
    make.add_argument(
        "--publish", action="append", metavar="NAME", help="group that the holder may publish to"
    )
    make.add_argument(
        "--seconds",
        type=kind(whole(1, 10**9)),
        default=3600,
        metavar="N",
        help="seconds until it runs out [default: 3600]",
    )
    check = verbs.add_parser("check", help="say what is in a token", allow_abbrev=False)
    check.set_defaults(verb=_check)
    check.add_argument("--secret-file", default="", metavar="FILE", help="as for make")
    check.add_argument(
        "--public-key-file",
        default="",
        metavar="FILE",
        help="file with public keys, as --token-public-key-file of a pusher",
    )
    check.add_argument(
        "--token-file",
        default="",
        metavar="FILE",
        help=f"file with the token; it may stand in {TOKEN}, else it is read from the input",
    )
    for command in (make, check):
        command.add_argument("--audience", default="", help="whom it is for, its aud")
        command.add_argument("--issuer", default="", help="whose it is, its iss")


def run(asked: Namespace, environ: Mapping[str, str]) -> int:
    """Make or check; return the exit status."""
    status: int = asked.verb(asked, environ)
    return status


def _make(asked: Namespace, environ: Mapping[str, str]) -> int:
    claims: dict[str, Any] = {"exp": int(time.time()) + asked.seconds}
    said = {
        "sub": asked.user,
        "groups": asked.group,
        "publish": asked.publish,
        "aud": asked.audience,
        "iss": asked.issuer,
    }
    claims |= {name: value for name, value in said.items() if value}
    signing = _signing(asked)
    # What a pusher would refuse, such as a name that is too long, is not handed out.
    checker = Checker([signing.checks], audience=asked.audience, issuer=asked.issuer)
    try:
        made = sign(claims, signing)
        checker.check(made)
    except TokenRefused as error:
        raise WrongUsage(f"no pusher would take that: {error}") from None
    print(made)
    return Status.OK


def _signing(asked: Namespace) -> Signing:
    if asked.private_key_file:
        signing = read_private_key(asked.private_key_file)
    else:
        signing = read_secret_to_sign(asked.secret_file)
    if asked.kid is None:
        return signing
    return replace(signing, checks=replace(signing.checks, kid=asked.kid))


def _name_of_key(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise ValueError("a name without a space")
    return text


def _check(asked: Namespace, environ: Mapping[str, str]) -> int:
    if not (asked.secret_file or asked.public_key_file):
        raise WrongUsage("what is it checked with? give --secret-file or --public-key-file")
    keys = TokenKeys(
        asked.secret_file, asked.public_key_file, audience=asked.audience, issuer=asked.issuer
    )
    tokens = secrets_of(asked.token_file, environ, TOKEN) or [sys.stdin.buffer.read().strip()]
    try:
        claims = keys.check(tokens[0].decode("latin-1"))
    except TokenRefused as error:
        raise Ended(str(error)) from None
    said = {
        "user": claims.user,
        "groups": sorted(claims.groups),
        "publish": sorted(claims.publish),
        "seconds": None if claims.seconds is None else int(claims.seconds),
    }
    print(json.dumps(said))
    return Status.OK
