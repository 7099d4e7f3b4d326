"""One AMP connection between a peer and the channel: what both ends have in common.

AMP as it comes trusts its peer. This subclass does not: it bounds a box while it is parsed, takes
no command but those of its end, answers nothing, and ends the connection of a peer that breaks
the protocol with one line in the log. It finds a peer that went silent, and sends what an outbox
holds in batches, one a reactor turn, for as long as the transport takes them.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, ClassVar

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols import amp
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.channel import wire
from tpush.channel.boxes import Boxes
from tpush.channel.outbox import Outbox
from tpush.errors import ProtocolViolation
from tpush.limits import Limits
from tpush.net.address import show_address

VIOLATED = "closing {peer}: it broke the channel protocol: {reason!r}"

Handler = Callable[..., None]
Commands = dict[bytes, tuple[type[wire.OneWay], str]]


def commands(*kinds: type[wire.OneWay]) -> Commands:
    """List what an end takes: command *Name* is handled by its method ``on_name``."""
    return {kind.commandName: (kind, f"on_{kind.__name__.lower()}") for kind in kinds}


ANSWERS = frozenset({amp.ASK, amp.ANSWER, amp.ERROR})
"""Keys of a box that no box has here, as nothing is answered."""


@implementer(IPushProducer)
class Link(amp.AMP):
    """One end of a link.

    Args:
        clock: tells the time.
        limits: bounds and times.
        box: bytes of one box of the other end, until it is known; 0 is as many as it may have then.
    """

    log: ClassVar[Logger] = Logger()
    takes: ClassVar[Commands]
    """The commands that this end takes."""

    def __init__(self, clock: IReactorTime, limits: Limits, box: int = 0) -> None:
        super().__init__()
        self.clock = clock
        self.limits = limits
        self._open = False
        self._paused = False
        self._boxes = Boxes(box or limits.box)
        self._heard = 0.0
        self._beat: IDelayedCall | None = None
        self._flush_call: IDelayedCall | None = None
        self._ack_call: IDelayedCall | None = None
        self._told = 0

    # What an end says of its two streams.

    def outgoing(self) -> Outbox[Any] | None:
        """Return what this end sends from, or None where nothing may be sent yet."""
        raise NotImplementedError

    def settled(self) -> int:
        """Return the number that this end acknowledges."""
        raise NotImplementedError

    def pack(self, batch: list[tuple[int, Any]]) -> Iterable[tuple[type[wire.OneWay], list[Any]]]:
        """Cut a batch into commands."""
        raise NotImplementedError

    def lost(self, reason: Failure) -> None:
        """Be told that the connection is gone."""
        raise NotImplementedError

    def violated(self, violation: ProtocolViolation) -> None:
        """Be told that the other end broke the protocol; the link is about to be closed."""
        self.log.warn(VIOLATED, peer=self.peer, reason=str(violation))

    def look(self) -> None:
        """Look at the other end, at every heartbeat."""

    # Lifetime.

    @override
    def makeConnection(self, transport: Any) -> None:
        # Not AMP's own, which logs a line a connection; what is worth one is logged by the ends.
        self._transportPeer = transport.getPeer()
        self._transportHost = transport.getHost()
        self._open = True
        with suppress(AttributeError, OSError):  # a unix socket has no such option
            # Else a box that follows an acknowledgement waits for the other end's own, 40 ms.
            transport.setTcpNoDelay(True)
        self._heard = self.clock.seconds()
        self._beat = self.clock.callLater(self.limits.heartbeat, self._on_beat)
        transport.registerProducer(self, streaming=True)
        amp.BinaryBoxProtocol.makeConnection(self, transport)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._open = False
        for call in (self._beat, self._flush_call, self._ack_call):
            if call is not None and call.active():
                call.cancel()
        amp.BinaryBoxProtocol.connectionLost(self, reason)
        self.transport = None
        self.lost(reason)

    @property
    def peer(self) -> str:
        """The address of the other end, for the log."""
        return show_address(self._transportPeer)

    def drop(self) -> None:
        """End the connection after what was written is sent; take and send nothing more."""
        self._open = False
        transport: Any = self.transport
        if transport is not None:
            transport.unregisterProducer()  # some transports wait for theirs before they close
            transport.loseConnection()

    def abort(self) -> None:
        """End the connection at once."""
        self._open = False
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def known(self) -> None:
        """Be told who the other end is: from now on it may send as much as any other."""
        self._boxes.most = self.limits.box

    # Incoming.

    @override
    def dataReceived(self, data: bytes) -> None:
        if not self._open:
            return
        self._heard = self.clock.seconds()
        try:
            for box in self._boxes.read(data):
                self.ampBoxReceived(box)
                if not self._open:
                    return
        except ProtocolViolation as violation:
            self.violated(violation)
            self.abort()

    @override
    def ampBoxReceived(self, box: dict[bytes, bytes]) -> None:
        name = box.pop(amp.COMMAND, b"")
        if name not in self.takes:
            raise ProtocolViolation(f"no such command: {name!r:.60}")
        if not ANSWERS.isdisjoint(box):
            raise ProtocolViolation(f"an answer, or one is asked for: {name!r:.60}")
        command, handler = self.takes[name]
        try:
            arguments = command.parseArguments(box, self)
        except (ValueError, KeyError, TypeError) as error:
            raise ProtocolViolation(f"{name.decode()}: {error!r:.100}") from None
        getattr(self, handler)(**arguments)

    @override
    def unhandledError(self, failure: Failure) -> None:
        if not failure.check(ConnectionAborted):
            self.log.failure("closing {peer}", failure, peer=self.peer)
        self.abort()

    # Outgoing.

    def send(self, command: type[wire.OneWay], **arguments: Any) -> None:
        """Send one command now."""
        if self._open:
            # Not callRemote, which prepares for an answer.
            box = command.makeArguments(arguments, self)
            box[amp.COMMAND] = command.commandName
            self.sendBox(box)

    def flush_soon(self) -> None:
        """Send what there is at the end of this reactor turn: one box carries all of it."""
        if self._open and self._flush_call is None:
            self._flush_call = self.clock.callLater(0, self.flush)

    def flush(self) -> None:
        """Send what there is, as long as the transport takes it."""
        if self._flush_call is not None and self._flush_call.active():
            self._flush_call.cancel()
        self._flush_call = None
        outbox = self.outgoing()
        if outbox is None or not self._open:
            return
        while outbox.waiting and not self._paused:
            batch = outbox.take(self.limits.batch_items, self.limits.batch_bytes)
            for command, items in self.pack(batch):
                self._told = self.settled()
                self.send(command, items=items, acknowledged=self._told)
        if self._told < self.settled() and self._ack_call is None:
            self._ack_call = self.clock.callLater(self.limits.acknowledge, self.acknowledge)

    def acknowledge(self) -> None:
        """Acknowledge now what is settled."""
        self._ack_call = None
        if self._open and self.outgoing() is not None and self._told < self.settled():
            self._told = self.settled()
            self.send(wire.Acknowledge, acknowledged=self._told)

    @override
    def pauseProducing(self) -> None:
        """Be told that the transport's buffer is full."""
        self._paused = True

    @override
    def resumeProducing(self) -> None:
        """Be told that the transport takes more."""
        self._paused = False
        self.flush_soon()

    @override
    def stopProducing(self) -> None:
        """Be told that the transport takes nothing more."""
        self._paused = True

    # Signs of life.

    def on_ping(self) -> None:
        """Take a sign of life: the bytes themselves were it."""

    def _on_beat(self) -> None:
        self._beat = self.clock.callLater(self.limits.heartbeat, self._on_beat)
        now = self.clock.seconds()
        if now - self._heard >= self.limits.silence:
            self.log.warn(
                "closing {peer}: silent for {silence:.0f} s",
                peer=self.peer,
                silence=now - self._heard,
            )
            self.abort()
        else:
            self.send(wire.Ping)
            self.look()
