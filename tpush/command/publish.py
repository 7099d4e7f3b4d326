"""``tpush publish``: one message, or one for each line that is read."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader
from typing import cast

from tpush.command.api import add_api_options, kind, retry_of, server_of
from tpush.command.ending import Ended, WrongUsage
from tpush.command.status import Status, status_of
from tpush.command.targets import add_target_options, exceptions_of, targets_of
from tpush.http import JSON, BlockingPublisher, Content, Publish, PublishFailed, Receipt
from tpush.http.sending import MOST
from tpush.kinds import seconds, whole

CHUNK = 64 * 1024
"""Bytes that are read at once, and of lines that go in one request; one alone may be more."""

ROOM = 512 * 1024
"""Bytes of one request for what stands beside the lines: to whom they go, and their keys. With six
for each byte of lines, as JSON may take, it stays below what a publisher takes by default."""

KEY = "k" * 43
"""As long as an idempotency key that is drawn."""

NAME = "publish"
SUMMARY = "publish a message, or one for each line of the input"
EXAMPLES = """\
  tpush publish --broadcast 'hello, all'
  tpush publish --group news --user ann --json '{"price": 5}' --receipt
  tpush publish --connection 3324350084187996:1 'hello, you'
  tail -f app.log | tpush publish --group log --lines
  TPUSH_API_KEY=$(cat key) tpush publish --url https://push.example.com --broadcast hello
"""


def add_options(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument(
        "content", nargs="?", metavar="CONTENT", help="the message; without it, the input is read"
    )
    add_target_options(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="the message is JSON, and is checked")
    what.add_argument(
        "--binary", action="store_true", help="the input is bytes, which go out as a binary frame"
    )
    parser.add_argument(
        "--lines", action="store_true", help="each line of the input is a message of its own"
    )
    parser.add_argument(
        "--receipt", action="store_true", help="print what became of it, as JSON, when it is known"
    )
    parser.add_argument(
        "--idempotency-key",
        default="",
        metavar="KEY",
        help="publish it once, however often the command is run with this key",
    )
    parser.add_argument(
        "--attempts",
        type=kind(whole(1, 100)),
        default=4,
        metavar="N",
        help="how often to try, further and further apart [default: 4]",
    )
    parser.add_argument(
        "--timeout",
        type=kind(seconds(0.1, 3600)),
        default=10.0,
        metavar="SECONDS",
        help="seconds for one attempt [default: 10]",
    )
    add_api_options(parser)


def run(asked: Namespace, environ: Mapping[str, str]) -> int:
    """Publish; return the exit status.

    Raises:
        WrongUsage: options do not go together.
        PublishFailed: it was not accepted.
    """
    _check(asked)
    server = server_of(asked, environ)
    with BlockingPublisher(
        server.url, key=server.key, retry=retry_of(asked), timeout=asked.timeout
    ) as publisher:
        if asked.lines:
            return _publish_lines(publisher, asked)
        content = _content(asked, _input(asked.content))
        to, but, key = targets_of(asked), exceptions_of(asked), asked.idempotency_key
        if asked.receipt:
            receipt = publisher.publish_with_receipt(to, content, but=but, idempotency_key=key)
            _print_receipt(receipt)
        else:
            publisher.publish(to, content, but=but, idempotency_key=key)
    return Status.OK


def _check(asked: Namespace) -> None:
    if not targets_of(asked):
        raise WrongUsage("whom is it for? give --broadcast, --group, --user or --connection")
    if asked.lines and asked.content is not None:
        raise WrongUsage("--lines reads the input: give no content")
    if asked.lines and asked.idempotency_key:
        raise WrongUsage("--idempotency-key is for one message, --lines for several")
    if asked.binary and (asked.lines or asked.content is not None):
        raise WrongUsage("--binary reads the whole input: give no content, and not --lines")


def _input(content: str | None) -> bytes:
    """Return what is to be published: what stands there, or all of the input."""
    return sys.stdin.buffer.read() if content is None else content.encode(errors="surrogateescape")


def _content(asked: Namespace, data: bytes) -> Content:
    if asked.binary:
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        hint = "" if asked.lines else ": see --binary"
        raise WrongUsage(f"the message is not UTF-8 at byte {error.start}{hint}") from None
    if not asked.json:
        return text
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)  # Python reads NaN, and 1e999 as something like it
    except (ValueError, RecursionError):
        raise WrongUsage("the message is no JSON") from None
    return JSON(value)


def _publish_lines(publisher: BlockingPublisher, asked: Namespace) -> int:
    """Publish each line; whatever has come by then goes in one request.

    Raises:
        Ended: one was not accepted; those before it were.
        WrongUsage: one cannot be published; those before it were.
    """
    done = 0
    for lines in _gathered(cast(BufferedReader, sys.stdin.buffer), _most_lines(asked)):
        publishes, wrong = _read(asked, lines)
        for outcome in publisher.batch(publishes) if publishes else ():
            if isinstance(outcome, PublishFailed):
                raise Ended(f"line {done + 1}: {outcome}", status_of(outcome))
            done += 1
            if isinstance(outcome, Receipt):
                _print_receipt(outcome)
        if wrong:
            raise WrongUsage(f"line {done + 1}: {wrong}")
    return Status.OK


def _read(asked: Namespace, lines: Sequence[bytes]) -> tuple[Sequence[Publish], WrongUsage | None]:
    """Return what lines say, up to one that cannot be published, and why not."""
    publishes: list[Publish] = []
    for line in lines:
        try:
            publishes.append(_of_line(asked, _content(asked, line.rstrip(b"\r"))))
        except WrongUsage as wrong:
            return publishes, wrong
    return publishes, None


def _of_line(asked: Namespace, content: Content, key: str = "") -> Publish:
    return Publish(targets_of(asked), content, exceptions_of(asked), asked.receipt, key)


def _most_lines(asked: Namespace) -> int:
    """Return how many lines go in one request: it says of each to whom it goes."""
    said = json.dumps(_of_line(asked, "", KEY).as_dict())
    return max(1, min(MOST, ROOM // len(said)))


def _gathered(file: BufferedReader, most: int) -> Iterator[Sequence[bytes]]:
    """Yield the lines that are there, up to what a request takes; wait where there is none."""
    rest = b""
    while chunk := file.read1(CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from _batches(lines, most)
    if rest:
        yield [rest]


def _batches(lines: Sequence[bytes], most: int) -> Iterator[Sequence[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == most or size + len(line) > CHUNK):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    if batch:
        yield batch


def _print_receipt(receipt: Receipt) -> None:
    print(json.dumps(receipt.as_dict()), flush=True)
