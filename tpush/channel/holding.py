"""What a program has asked the broker for: held until that has answered."""

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from typing_extensions import override

from tpush.channel.items import QUEUE_FULL, Enqueue, Mark, Publish, Request
from tpush.channel.outbox import Outbox
from tpush.errors import ChannelClosed, QueueFull, TooLarge, TPushError
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import check_queue, encode


class Holding(IChannel):
    """Numbers what is asked for, and tells who waits when it is acknowledged.

    Args:
        clock: tells the time.
        limits: bounds and times.
    """

    def __init__(self, clock: IReactorTime, limits: Limits) -> None:
        self.clock = clock
        self.limits = limits
        self.outbox: Outbox[Request] = Outbox(items=limits.held_items, size=limits.held_bytes)
        self.received = 0
        """The number of the last delivery from the broker."""
        self._waiters: dict[int, Deferred[None]] = {}
        """By the number of their request, which only grows."""
        self._closing: Deferred[None] | None = None
        self._left = False

    def stirred(self) -> None:
        """Be told that there is something to take."""
        raise NotImplementedError

    def acknowledged(self, number: int) -> None:
        """Take an acknowledgement of the broker.

        Raises:
            ValueError: *number* was never sent.
        """
        self.outbox.acknowledge(number)
        while self._waiters and (first := next(iter(self._waiters))) <= number:
            self._waiters.pop(first).callback(None)

    def rejected(self, number: int, request: int, code: str, reason: str) -> None:
        """Take from the broker that one request was not carried out."""
        self.received = number
        waiter = self._waiters.pop(request, None)
        if waiter is not None:
            waiter.errback(QueueFull(reason) if code == QUEUE_FULL else TPushError(reason))

    @override
    def enqueue(self, queue: str, data: str | bytes) -> Deferred[None]:
        return self._acknowledgement(self._hold(Enqueue(check_queue(queue), self._content(data))))

    @override
    def flush(self) -> Deferred[None]:
        self._check_open()
        number = self.outbox.append(Mark(), bounded=False)
        self._stir()
        return self._acknowledgement(number)

    def _stir(self) -> None:
        if not self._left:
            self.stirred()

    def _hold(self, request: Publish | Enqueue) -> int:
        self._check_open()
        size = request.message.size if isinstance(request, Publish) else len(request.data)
        number = self.outbox.append(request, size)
        self._stir()
        return number

    def _acknowledgement(self, number: int) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._waiters[number] = waiter
        return waiter

    def _content(self, data: str | bytes) -> bytes:
        content = encode(data)
        if len(content) > self.limits.content:
            raise TooLarge(f"{len(content)} bytes; at most {self.limits.content} can be published")
        return content

    def _check_open(self) -> None:
        if self._closing is not None:
            raise ChannelClosed("the channel was closed")
