"""``tpush bench``: how fast a running publisher takes messages."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, FirstError, gatherResults

from tpush.as_given import check_host
from tpush.command.api import add_api_options, kind, server_of
from tpush.command.ending import WrongUsage
from tpush.command.progress import Progress
from tpush.command.rates import Rates
from tpush.command.reactor import run_until_done
from tpush.command.status import Status
from tpush.command.targets import add_target_options, exceptions_of, targets_of
from tpush.http import NO_RETRY, Group, NotAllowed, NotReachable, Publish, PublishFailed
from tpush.http.sending import MOST
from tpush.kinds import whole

if TYPE_CHECKING:
    from tpush.http import Publisher

NAME = "bench"
SUMMARY = "publish to a running publisher, and say how fast it is"
NOBODY = Group("tpush-bench")
EXAMPLES = """\
  tpush bench                            # to the group tpush-bench, which nobody has to be in
  tpush bench --messages 100000 --batch 100 --in-flight 4
  tpush bench --broadcast --size 1000    # every client gets it
"""


def add_options(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    for name, default, most, what in (
        ("messages", 5_000, 10**9, "messages in all"),
        ("in-flight", 10, 1_000, "requests under way at a time"),
        ("batch", 1, MOST, "messages in a request"),
        ("size", 64, 2**20, "bytes of a message"),
    ):
        parser.add_argument(
            f"--{name}",
            type=kind(whole(1, most)),
            default=default,
            metavar="N",
            help=f"{what} [default: {default}]",
        )
    add_target_options(parser)
    add_api_options(parser)


def run(asked: Namespace, environ: Mapping[str, str]) -> int:
    """Publish, and print rates; return the exit status.

    Raises:
        WrongUsage: the publisher's host is none that can be connected to.
    """
    from tpush.http import Publisher

    server = server_of(asked, environ)
    try:
        check_host(server.url)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    publish = Publish(targets_of(asked) or NOBODY, "x" * asked.size, exceptions_of(asked))

    async def begin(reactor: Any) -> int:
        publisher = Publisher(
            server.url, key=server.key, retry=NO_RETRY, connections=asked.in_flight, reactor=reactor
        )
        bench = _Bench(publisher, publish, asked.messages, asked.batch, reactor)
        began = reactor.seconds()
        try:
            await gatherResults([bench.work() for _ in range(asked.in_flight)], consumeErrors=True)
        except FirstError as first:
            first.subFailure.raiseException()
        for line in bench.rates.lines(reactor.seconds() - began):
            print(line)
        await publisher.close()
        return Status.FAILED if bench.rates.failed else Status.OK

    return run_until_done(begin)


class _Bench:
    def __init__(
        self, publisher: "Publisher", publish: Publish, messages: int, batch: int, reactor: Any
    ) -> None:
        self._publisher = publisher
        self._publish = publish
        self._left = self._messages = messages
        self._batch = batch
        self._reactor = reactor
        self._progress = Progress(reactor.seconds)
        self.rates = Rates()

    def work(self) -> Deferred[None]:
        """Send one request after the other; fires when there is nothing left to send."""
        return Deferred.fromCoroutine(self._work())

    async def _work(self) -> None:
        while self._left:
            count = min(self._batch, self._left)
            self._left -= count
            began = self._reactor.seconds()
            try:
                failed = await self._send(count)
            except PublishFailed as error:
                # Nobody there, or a wrong key: no use in ten thousand of these.
                if isinstance(error, NotReachable | NotAllowed) and not self.rates.accepted:
                    self._left = 0
                    raise
                failed = [_reason(error)] * count
            self.rates.add(count - len(failed), failed, self._reactor.seconds() - began)
            done = self._messages - self._left
            self._progress.tell(f"{done} of {self._messages}")

    async def _send(self, count: int) -> Sequence[str]:
        if self._batch == 1:
            publish = self._publish
            await self._publisher.publish(publish.to, publish.content, but=publish.but)
            return []
        outcomes = await self._publisher.batch([self._publish] * count)
        return [_reason(each) for each in outcomes if isinstance(each, PublishFailed)]


def _reason(error: PublishFailed) -> str:
    return f"{type(error).__name__}: {error}"
