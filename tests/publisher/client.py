"""A client of a publisher's site: no network, one Clock."""

# ruff: noqa: N802 - assertions are named as trial's own

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from zope.interface import alsoProvides

from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import ConnectionID, Target, check_text, encode
from tpush.orders import Order, unpack_order
from tpush.publisher.guard import Guard
from tpush.publisher.site import PublisherSite
from tpush.receipt import Receipt

FORM = b"application/x-www-form-urlencoded"
Published = tuple[str, bytes, bool, int | None]


class FakeChannel:
    """Keeps what is published: event, data, text, connection."""

    def __init__(self) -> None:
        self.connected = True
        self.published: list[Published] = []
        self.beyond: tuple[Sequence[Target], Sequence[Target], str, bool] = (), (), "", False
        """Of the last: further targets, those that do not get it, the key, whether it is JSON."""
        self.orders: list[tuple[Order, list[Target], list[Target]]] = []
        self.refusing: Callable[[], None] = lambda: None
        """Raises what the next publish is to raise."""
        self.receipts: list[Deferred[Receipt]] = []
        """Those that are waited for."""

    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: bool = False,
    ) -> Deferred[Receipt] | None:
        self.refusing()
        content = encode(data)
        if text:
            check_text(content)
        text = text or isinstance(data, str)
        self.published.append((event, content, text, connection))
        self.beyond = also, but, key, json
        if not receipt:
            return None
        self.receipts.append(Deferred())
        return self.receipts[-1]

    def order(
        self,
        event: str,
        order: bytes,
        *,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
    ) -> Deferred[Receipt]:
        self.refusing()
        self.orders.append((unpack_order(order), [(event, connection), *also], list(but)))
        self.receipts.append(Deferred())
        return self.receipts[-1]


class TCPTransport(StringTransport):
    """A transport whose writing side can be closed by itself."""

    half_closed = False

    def __init__(self) -> None:
        super().__init__()
        alsoProvides(self, ITCPTransport)

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001 - ITCPTransport
        """Be told not to wait."""

    def loseWriteConnection(self) -> None:
        """Send no more, and still receive."""
        self.half_closed = True

    @override
    def write(self, data: bytes) -> None:
        assert not (self.half_closed or self.disconnecting), data
        super().write(data)


def head(start: bytes, *fields: bytes) -> bytes:
    """Return the head of a request.

    Args:
        start: method and target.
        fields: header lines, besides ``Host``.
    """
    return b"\r\n".join([start + b" HTTP/1.1", b"Host: localhost", *fields, b"", b""])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def read_answer(data: bytes, method: bytes = b"GET") -> tuple[Answer, bytes]:
    """Read one answer to a request of this method; return what follows it too."""
    start, blank, rest = data.partition(b"\r\n\r\n")
    assert blank, data
    first, *lines = start.split(b"\r\n")
    version, status, _ = first.split(b" ", 2)
    assert version in {b"HTTP/1.0", b"HTTP/1.1"}, first
    headers = {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}
    assert len(headers) == len(lines), lines
    length = 0 if method == b"HEAD" else int(headers.get(b"content-length", b"0"))
    assert len(rest) >= length, rest
    return Answer(int(status), headers, rest[:length]), rest[length:]


class Client:
    """One connection to a site.

    Args:
        site: which.
        transport: the site's end.
    """

    def __init__(self, site: PublisherSite, transport: StringTransport | None = None) -> None:
        self.transport = transport or TCPTransport()
        self.protocol: Any = site.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.protocol.dataReceived(data)

    def received(self) -> bytes:
        """Return what came back since this was last called."""
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def answers(self) -> list[Answer]:
        """Return the answers that came back since this was last called."""
        data, answers = self.received(), []
        while data:
            answer, data = read_answer(data)
            answers.append(answer)
        return answers

    def ask(self, data: bytes) -> Answer:
        """Send one request as it is, and return its answer."""
        self.send(data)
        [answer] = self.answers()
        return answer

    def get(self, target: bytes = b"/", method: bytes = b"GET", *more: bytes) -> Answer:
        """Send one request without a body.

        Args:
            target: path and query.
            method: which.
            more: further header lines.
        """
        return self.ask(head(b"%b %b" % (method, target), *more))

    def post(
        self,
        body: bytes,
        content_type: bytes | None = FORM,
        target: bytes = b"/",
        *more: bytes,
    ) -> Answer:
        """Send one POST.

        Args:
            body: its length goes along.
            content_type: None to say nothing.
            target: path and query.
            more: further header lines.
        """
        if content_type is not None:
            more += (b"Content-Type: %b" % content_type,)
        length = b"Content-Length: %d" % len(body)
        return self.ask(head(b"POST " + target, length, *more) + body)

    def leave(self) -> None:
        """Be gone."""
        self.protocol.connectionLost(Failure(ConnectionDone()))


class SiteTestCase(SynchronousTestCase):
    """Has a site and one client; nothing is left on the clock when that has gone."""

    limits = Limits()

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.channel = FakeChannel()
        self.site = self.make_site(cast(IChannel, self.channel))
        self.site.doStart()
        self.client = self.connect()

    @override
    def tearDown(self) -> None:
        self.client.leave()
        self.site.doStop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.site.load.requests, 0)

    def make_site(self, channel: IChannel) -> PublisherSite:
        """Return the site."""
        return PublisherSite(channel, self.clock, self.limits, self.guard())

    def guard(self) -> Guard | None:
        """Return who may publish; without, whoever can connect."""
        return None

    def connect(self, transport: StringTransport | None = None) -> Client:
        """Return one more client; it has to leave."""
        return Client(self.site, transport)

    def assertAnswer(self, answer: Answer, status: int, reason: str) -> None:
        """Check an answer: plain text, of one line."""
        self.assertEqual((answer.status, answer.body.decode()), (status, reason))
        self.assertEqual(answer.headers[b"content-type"], b"text/plain; charset=utf-8")
        self.assertEqual(answer.headers[b"server"], b"tpush")
        self.assertNotIn(b"\n", answer.body)

    def assertRefused(self, answer: Answer, status: int, reason: str) -> None:
        """Check that an answer says why nothing was published."""
        self.assertAnswer(answer, status, reason)
        self.assertEqual(self.channel.published, [])

    def assertPublished(self, answer: Answer, *published: Published) -> None:
        """Check that an answer is ok, and what has been published."""
        self.assertAnswer(answer, 200, "ok")
        self.assertEqual(self.channel.published, list(published))
        self.channel.published.clear()
