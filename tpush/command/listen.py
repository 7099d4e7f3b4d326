"""``tpush listen``: prints what one client of a pusher gets."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from random import random
from typing import Any
from urllib.parse import quote, urlsplit

from tpush.access import secrets_of
from tpush.as_given import check_host
from tpush.command.api import kind, name
from tpush.command.contents import as_line
from tpush.command.ending import WrongUsage
from tpush.command.reactor import run_until_done
from tpush.http.server import check_authority
from tpush.kinds import whole

NAME = "listen"
SUMMARY = "connect as a client, and print each content on a line; come back when it is lost"
EXAMPLES = """\
  tpush listen
  tpush listen --group news --group sport
  tpush listen --url wss://push.example.com/ --token-file ann.token --json
  tpush listen --count 1 | tpush publish --group echo --lines
"""
URL = "ws://127.0.0.1:4236/"
TOKEN = "TPUSH_TOKEN"  # noqa: S105 - the name of a variable


def add_options(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("--url", help=f"URL of the pusher [TPUSH_WS_URL; default: {URL}]")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        type=kind(name),
        metavar="NAME",
        help="join it; may be repeated",
    )
    parser.add_argument(
        "--token-file",
        default="",
        metavar="FILE",
        help=f"file with the client's token; the token itself may stand in {TOKEN}",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help='print {"content": "…"} or {"base64": "…"} for each: one line whatever is in it',
    )
    parser.add_argument(
        "--count", type=kind(whole(1, 10**9)), metavar="N", help="end after so many"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when the connection does; else one that was lost, or that may come back, is "
        "made again, and what is published until then is missed",
    )


def run(asked: Namespace, environ: Mapping[str, str]) -> int:
    """Listen until there is an end for good; return the exit status.

    Raises:
        WrongUsage: the URL is none.
        Ended: the connection could not be made, or was closed for good, or broke with ``--once``.
    """
    from tpush.command.listener import listen
    from tpush.command.returning import keep_coming_back

    url = asked.url or environ.get("TPUSH_WS_URL") or URL
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("ws", "wss") and parts.hostname and not parts.fragment
        check_authority(parts)
        if known:
            check_host(url)
    except ValueError as error:
        raise WrongUsage(f"a pusher's URL is ws://… or wss://…: {error}") from None
    if not known:
        raise WrongUsage(f"a pusher's URL is ws://… or wss://…, not {url!r}")
    groups = "&".join(f"group={quote(group, safe='')}" for group in asked.group)
    query = "&".join(filter(None, (parts.query, groups)))
    where = parts._replace(path=parts.path or "/", query=query).geturl()
    printer = Printer(as_json=asked.json, count=asked.count)

    async def begin(reactor: Any) -> int:
        async def connect() -> int:
            # One that has run out may have been replaced meanwhile.
            headers = _headers(asked.token_file, environ)
            return await listen(reactor, where, headers, printer)

        if asked.once:
            return await connect()
        return await keep_coming_back(connect, reactor, random, _tell)  # noqa: S311 - pauses

    return run_until_done(begin)


def _headers(token_file: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    tokens = secrets_of(token_file, environ, TOKEN)
    return {"Authorization": f"Bearer {tokens[0].decode('latin-1')}"} if tokens else {}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class Printer:
    """Prints what comes.

    Args:
        as_json: as objects.
        count: how many; None is without end.
    """

    def __init__(self, *, as_json: bool, count: int | None = None) -> None:
        self._as_json = as_json
        self._left = count
        self._terminal = sys.stdout.isatty()
        self._greeted = False

    def begin(self) -> None:
        """Expect a greeting: a connection has opened."""
        self._greeted = False

    def take(self, payload: bytes, *, text: bool) -> bool:
        """Print one, or, of the greeting, the address; say whether it was the last."""
        if not self._greeted:
            self._greeted = True
            _tell(f"connected: {_address(payload)}")
            return False
        line = as_line(payload, text=text, as_json=self._as_json, terminal=self._terminal)
        print(line, flush=True)
        if self._left is not None:
            self._left -= 1
        return self._left == 0


def _address(greeting: bytes) -> str:
    """Return ``worker:connection``, as `tpush publish --connection` takes it."""
    words = greeting.decode(errors="replace").split()
    return ":".join(word.partition(":")[2] for word in words[:2])
