"""The options of commands that publish: where to, with which key, and how often to try."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from typing import TypeVar

from tpush.access import secrets_of
from tpush.command.ending import WrongUsage
from tpush.http import Retry
from tpush.http.server import Server

URL = "http://127.0.0.1:4237"
API_KEY = "TPUSH_API_KEY"

Value = TypeVar("Value")


def kind(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a kind of ours (:mod:`tpush.kinds`) as argparse has it."""

    def read(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{error}, not {text!r}") from None

    return read


def name(text: str) -> str:
    """Be a kind: what a group or a user may be called.

    Raises:
        ValueError: it is not.
    """
    try:
        text.encode()
    except UnicodeEncodeError:  # Python reads what is no UTF-8 so
        raise ValueError("a name in UTF-8") from None
    if not text:  # a pusher would take a URL without it
        raise ValueError("a name, and not empty")
    return text


def add_api_options(parser: ArgumentParser) -> None:
    """Add where to publish, and with which key."""
    parser.add_argument("--url", help=f"URL of the publisher [TPUSH_URL; default: {URL}]")
    parser.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="file with the API key, the first one counts [TPUSH_API_KEY_FILE]; the key itself "
        f"may stand in {API_KEY}",
    )


def server_of(asked: Namespace, environ: Mapping[str, str]) -> Server:
    """Return the publisher, and the key for it.

    Raises:
        WrongUsage: one of them cannot be used.
    """
    path = asked.api_key_file or environ.get("TPUSH_API_KEY_FILE", "")
    keys = secrets_of(path, environ, API_KEY)
    try:
        key = keys[0].decode() if keys else ""
        return Server(asked.url or environ.get("TPUSH_URL") or URL, key)
    except UnicodeDecodeError:
        raise WrongUsage("an API key is printable ASCII") from None
    except ValueError as error:
        raise WrongUsage(str(error)) from None


def retry_of(asked: Namespace) -> Retry:
    """Return when to try again."""
    return Retry(attempts=asked.attempts)
