"""A program publishes, orders and reports; and is told what became of it."""

from collections.abc import Sequence
from functools import cached_property
from itertools import count
from typing import Literal, overload

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from tpush.channel import codec
from tpush.channel.awaited import AwaitedReceipts
from tpush.channel.handshake import KEY_BYTES
from tpush.channel.holding import Holding
from tpush.channel.items import Answer, Publish
from tpush.errors import ProtocolViolation, TPushError
from tpush.limits import Limits
from tpush.message import (
    ConnectionID,
    Message,
    Target,
    WorkerID,
    check_connection,
    check_json,
    check_name,
    check_targets,
    check_text,
)
from tpush.receipt import Counts, Receipt, Ticket


def _inbox(ticket: Ticket) -> str:
    """Return the event that the publisher of a message listens to for receipts."""
    return f"inbox/{ticket[:KEY_BYTES].hex()}"


def _with_targets(message: Message, also: Sequence[Target], but: Sequence[Target]) -> Message:
    check_targets(also, but)
    return message._replace(also=tuple(also), but=tuple(but))


class Publishing(Holding):
    """Publishes, and waits for receipts.

    Args:
        clock: tells the time.
        limits: bounds and times.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        super().__init__(clock, limits)
        self.worker: WorkerID | None = None
        self._receipts = AwaitedReceipts(clock, limits)
        self._tickets = count(1)
        self._hears = False
        """Whether it has subscribed to what workers tell."""
        self._had: Ticket | None = None
        """Whose receipt the broker tells at the moment: it need not be told the same."""

    @cached_property
    def key(self) -> bytes:
        """What tells this program from every other."""
        raise NotImplementedError

    def routed(self, number: int, ticket: Ticket, workers: Sequence[WorkerID]) -> None:
        """Take from the broker which workers a message went to."""
        self.received = number
        self._receipts.expect(ticket, workers)

    def repeated(self, number: int, ticket: Ticket, receipt: Receipt | None) -> None:
        """Take from the broker what became of a message that was published before."""
        self.received = number
        self._had = ticket
        self._receipts.settle(ticket, receipt or Receipt(Counts(), 0, None))
        self._had = None

    @overload
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
        receipt: Literal[False] = False,
    ) -> None: ...

    @overload
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
        receipt: Literal[True],
    ) -> Deferred[Receipt]: ...

    @override
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
        message = self._message(event, data, text=text, connection=check_connection(connection))
        if also or but:
            message = _with_targets(message, also, but)
        if json:
            check_json(message.data)
            message = message._replace(text=True, json=True)
        if key:
            check_name(key)
        if not receipt:
            self._hold(Publish(message, False, key))  # noqa: FBT003 - half of what names cost
            return None
        ticket = self._ticket()
        request = Publish(message._replace(ticket=ticket), key=key)
        waiting = self._receipts.request(ticket, lambda: self._hold(request))
        return waiting.addCallback(self._answer, key, ticket) if key else waiting

    @override
    def order(
        self,
        event: str,
        order: bytes,
        *,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
    ) -> Deferred[Receipt]:
        message = self._message(event, order, text=True, connection=check_connection(connection))
        ticket = self._ticket()
        request = Publish(_with_targets(message, also, but)._replace(ticket=ticket, order=True))
        return self._receipts.request(ticket, lambda: self._hold(request))

    @override
    def report(self, ticket: Ticket, counts: Counts, reply: bytes = b"") -> None:
        if self.worker is None:
            raise ValueError("a program without a worker id has nothing to report")
        told = codec.pack_counts(ticket, self.worker, counts, reply)
        self._hold(Publish(Message(_inbox(ticket), told, text=False)))

    @override
    def publish_one(self, event: str, data: str | bytes, *, text: bool = False) -> None:
        self._hold(Publish(self._message(event, data, text=text), one=True))

    def _message(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool,
        connection: ConnectionID | None = None,
    ) -> Message:
        content = self._content(data)
        if isinstance(data, str):
            text = True
        elif text:
            check_text(content)
        return Message(check_name(event), content, bool(text), connection)

    def _ticket(self) -> Ticket:
        ticket = Ticket(self.key + next(self._tickets).to_bytes(8, "big"))
        if not self._hears:
            self.subscribe(_inbox(ticket), self._told)
            self._hears = True
        return ticket

    def _tell_of_nobody(self, ticket: Ticket) -> None:
        """Report a message that was on its way when the last who it was for had left."""
        try:
            self.report(ticket, Counts())
        except TPushError as error:
            self.log.warn("a receipt is lost: {error}", error=error)

    def _answer(self, receipt: Receipt, key: str, ticket: Ticket) -> Receipt:
        """Let the broker know what became of a message, for whoever publishes it again."""
        if ticket == self._had:
            return receipt
        # Unbounded: no more of them than receipts that are waited for.
        self.outbox.append(Answer(key, receipt), bounded=False)
        self._stir()
        return receipt

    def _told(self, message: Message) -> None:
        try:
            told = codec.unpack_counts(message.data)
        except ProtocolViolation as violation:
            self.log.warn("no receipt: {reason!r}", reason=str(violation))
        else:
            self._receipts.tell(*told)
