"""The channel's end of a link: who the peer is, and what it asks of the broker."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.channel import codec, wire
from tpush.channel.broker import Broker
from tpush.channel.driver import Driver
from tpush.channel.handshake import KEY_BYTES, NONCE_BYTES, Transcript
from tpush.channel.items import Request
from tpush.channel.link import VIOLATED, Commands, Link, commands
from tpush.channel.outbox import Outbox
from tpush.channel.session import Peer, Session
from tpush.errors import NotProved, ProtocolViolation, Refused, VersionRefused
from tpush.limits import Limits
from tpush.message import MAX_ID, WorkerID
from tpush.metrics import ChannelMetrics
from tpush.sparing import SparingLog

STRANGER_BOX = 4096
"""Bytes of a box of a peer that is not attached yet; a hello has some 2,000 at the most."""

Unpack = Callable[[Iterable[Any]], Iterator[tuple[int, Request]]]


@dataclass(frozen=True, slots=True)
class Hello:
    """What a peer has said, until it is attached."""

    peer: Peer
    session: bytes | None
    acknowledged: int
    sent: int


class Server(Protocol):
    """What a link needs of the server that made it."""

    broker: Broker
    clock: IReactorTime
    driver: Driver
    entropy: Callable[[int], bytes]
    limits: Limits
    metrics: ChannelMetrics
    secrets: Sequence[bytes]
    strangers: SparingLog

    def attach(self, link: "PeerLink", hello: Hello) -> Session:
        """Attach a peer that said hello.

        Returns:
            Its session.

        Raises:
            ProtocolViolation: it acknowledges what was never sent to it.
            Refused: the broker does not take it.
        """

    def lost(self, link: "PeerLink", session: Session | None) -> None:
        """Be told that a link is gone; *session* still counts on it, if there is one."""

    def left(self, session: Session) -> None:
        """Be told that a peer said bye."""

    def stalled(self, session: Session) -> None:
        """Give a peer up that does not take what waits for it: others wait for its answer."""


class PeerLink(Link):
    """The channel's end of a link: a peer, once it has said hello."""

    takes: ClassVar[Commands] = commands(
        wire.Hello,
        wire.Prove,
        wire.Subscribe,
        wire.Unsubscribe,
        wire.Watch,
        wire.Unwatch,
        wire.Reserve,
        wire.Restored,
        wire.Publish,
        wire.Answer,
        wire.Enqueue,
        wire.Done,
        wire.Mark,
        wire.Sync,
        wire.Recall,
        wire.Acknowledge,
        wire.Ping,
        wire.Bye,
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server.clock, server.limits, STRANGER_BOX)
        self._server = server
        self._session: Session | None = None
        self._hello: Hello | None = None
        self._transcript: Transcript | None = None
        self._restoring: tuple[set[str], set[str]] | None = (set(), set())
        """Events and queues named since the hello; None once that has ended."""
        self._settled: int | None = None
        """What it had acknowledged at the last heartbeat, where much waited for it then."""
        self._greeting = server.clock.callLater(server.limits.greeting, self._no_hello)

    @property
    def session(self) -> Session:
        """Its session in the broker.

        Raises:
            ProtocolViolation: it has not said hello.
        """
        if self._session is None:
            raise ProtocolViolation("a command before the hello")
        return self._session

    @override
    def outgoing(self) -> Outbox[Any] | None:
        return self._session.outbox if self._session is not None else None

    @override
    def settled(self) -> int:
        return self.session.ledger.acknowledged

    @override
    def pack(self, batch: list[tuple[int, Any]]) -> Iterable[tuple[type[wire.OneWay], list[Any]]]:
        return codec.pack_deliveries(batch)

    @override
    def lost(self, reason: Failure) -> None:
        self._hello_is_over()
        session, self._session = self._session, None
        self._server.lost(self, session)

    @override
    def violated(self, violation: ProtocolViolation) -> None:
        self._server.metrics.violations += 1
        self._server.strangers.warn(VIOLATED, peer=self.peer, reason=str(violation))

    @override
    def look(self) -> None:
        session, limits = self._session, self.limits
        if session is None:
            return
        outbox, before = session.outbox, self._settled
        much = outbox.held > limits.peer_bytes or len(outbox) > limits.peer_items
        self._settled = outbox.acknowledged if much else None
        if much and self._settled == before:
            self._session = None
            self._server.stalled(session)
            self.abort()

    def supersede(self) -> None:
        """End this link: its peer has made another."""
        self._session = None
        self.abort()

    def say_bye(self) -> None:
        """End this link: the channel goes away."""
        if self._session is not None:
            self.acknowledge()
            self.send(wire.Bye)
        self._session = None
        self.drop()

    def on_hello(
        self,
        version: int,
        role: str,
        name: str,
        key: bytes,
        worker: int | None = None,
        session: bytes | None = None,
        acknowledged: int | None = None,
        sent: int | None = None,
        nonce: bytes = b"",
    ) -> None:
        """Attach the peer, challenge it, or refuse it.

        Raises:
            ProtocolViolation: it has said hello before, or its hello is not as it should be.
        """
        if self._hello is not None:
            raise ProtocolViolation("a second hello")
        if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
            raise ProtocolViolation(f"a key of {len(key)} bytes, a nonce of {len(nonce)}")
        if worker is not None and not 1 <= worker <= MAX_ID:
            raise ProtocolViolation(f"worker id {worker}")
        claimed = None if worker is None else WorkerID(worker)
        peer = Peer(key, role[: wire.MAX_LABEL], name[: wire.MAX_LABEL], claimed)
        self._hello = Hello(peer, session, acknowledged or 0, sent or 0)
        if version != wire.VERSION:
            ours = f"this channel speaks version {wire.VERSION}, not {version}"
            self._refuse(peer, VersionRefused(ours))
        elif self._server.secrets:
            channel, ours_nonce = self._server.broker.instance, self._server.entropy(NONCE_BYTES)
            self._transcript = Transcript(version, role, key, worker, channel, nonce, ours_nonce)
            self.send(wire.Challenge, channel=channel, nonce=ours_nonce)
        else:
            self._attach(self._hello, None)

    def on_prove(self, proof: bytes) -> None:
        """Attach the peer if it knows a secret, or refuse it.

        Raises:
            ProtocolViolation: it was not challenged.
        """
        transcript, self._transcript = self._transcript, None
        if transcript is None or self._hello is None:
            raise ProtocolViolation("a proof without a challenge")
        secret = transcript.proved_with(self._server.secrets, "client", proof)
        if secret is None:
            self._refuse(self._hello.peer, NotProved("it does not know a secret of this channel"))
        else:
            self._attach(self._hello, transcript.prove(secret, "channel"))

    def _attach(self, hello: Hello, proof: bytes | None) -> None:
        try:
            attached = self._server.attach(self, hello)
        except Refused as refused:
            self._refuse(hello.peer, refused)
            return
        self._hello_is_over()
        self.known()
        self._session = attached
        self.send(
            wire.Welcome,
            version=wire.VERSION,
            channel=self._server.broker.instance,
            session=attached.token,
            proof=proof,
        )

    def _refuse(self, peer: Peer, refused: Refused) -> None:
        self._hello_is_over()
        self._server.metrics.refused += 1
        self._server.strangers.warn(
            "refusing {peer} from {address}: {reason}",
            peer=label(peer),
            address=self.peer,
            reason=str(refused),
        )
        self.send(wire.Refuse, code=refused.code, reason=str(refused))
        self.drop()

    def on_subscribe(self, events: list[Any]) -> None:
        """Add subscriptions.

        Raises:
            ProtocolViolation: it has as many as it may.
        """
        names, broker = codec.unpack_names(events), self._server.broker
        broker.subscribe(self.session, names)
        if self._restoring is not None:
            self._restoring[0].update(names)
        self._server.driver.stir()
        count = self._counted(broker.subscriptions(self.session), 0)
        if count > self.limits.subscriptions:
            broker.unsubscribe(self.session, names)  # its session is kept for a while
            raise ProtocolViolation(f"{count} subscriptions: see --max-subscriptions")

    def on_unsubscribe(self, events: list[Any]) -> None:
        """Take subscriptions back."""
        self._server.broker.unsubscribe(self.session, codec.unpack_names(events))
        self._server.driver.stir()

    def on_watch(self, queues: list[Any]) -> None:
        """Add watches.

        Raises:
            ProtocolViolation: it has as many as it may.
        """
        watches, broker = codec.unpack_watches(queues), self._server.broker
        names = [queue for queue, _ in watches]
        broker.watch(self.session, watches)
        if self._restoring is not None:
            self._restoring[1].update(names)
        count = self._counted(broker.watches(self.session), 1)
        self._server.driver.stir()
        if count > self.limits.subscriptions:
            broker.unwatch(self.session, names)
            raise ProtocolViolation(f"{count} watches: see --max-subscriptions")

    def on_unwatch(self, queues: list[Any]) -> None:
        """Take watches back."""
        self._server.broker.unwatch(self.session, codec.unpack_names(queues))

    def on_reserve(self, jobs: int) -> None:
        """Be ready for more jobs.

        Raises:
            ProtocolViolation: for less than none.
        """
        if jobs < 0:
            raise ProtocolViolation(f"{jobs} jobs reserved")
        self._server.broker.reserve(self.session, jobs)
        self._server.driver.stir()

    def on_restored(self, jobs: int) -> None:
        """Leave the peer what it named since its hello.

        Raises:
            ProtocolViolation: it was restored before, or is ready for less than none.
        """
        if self._restoring is None:
            raise ProtocolViolation("restored a second time")
        if jobs < 0:
            raise ProtocolViolation(f"{jobs} jobs reserved")
        self._server.broker.restore(self.session, *self._restoring, jobs)
        self._restoring = None
        self._server.driver.stir()

    def on_publish(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take messages."""
        self._accept(codec.unpack_publish, items, acknowledged)

    def on_answer(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what was told of messages."""
        self._accept(codec.unpack_answer, items, acknowledged)

    def on_enqueue(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take jobs."""
        self._accept(codec.unpack_enqueue, items, acknowledged)

    def on_done(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take the outcome of jobs."""
        self._accept(codec.unpack_done, items, acknowledged)

    def on_mark(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take marks."""
        self._accept(codec.unpack_mark, items, acknowledged)

    def on_sync(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what is to be answered at once."""
        self._accept(codec.unpack_sync, items, acknowledged)

    def on_recall(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what is to be sent again."""
        self._accept(codec.unpack_recall, items, acknowledged)

    def on_acknowledge(self, acknowledged: int) -> None:
        """Let go of what the peer has had.

        Raises:
            ProtocolViolation: it was never sent that.
        """
        try:
            self._server.broker.acknowledge(self.session, acknowledged)
        except ValueError as error:
            raise ProtocolViolation(str(error)) from None
        self._server.driver.stir()

    def on_bye(self) -> None:
        """Forget the peer."""
        session = self.session
        self._session = None
        self._server.left(session)
        self.drop()

    def _accept(self, unpack: Unpack, items: list[Any], acknowledged: int | None) -> None:
        session, broker, now = self.session, self._server.broker, self.clock.seconds()
        if acknowledged:
            self.on_acknowledge(acknowledged)
        for number, request in unpack(items):
            broker.accept(session, number, request, now)
        self._server.driver.stir()

    def _counted(self, count: int, kind: int) -> int:
        """Return how many of its subscriptions or watches count."""
        if self._restoring is None:
            return count
        # It may have had as many others, which are taken back when it has named all.
        return max(len(self._restoring[kind]), count - self.limits.subscriptions)

    def _hello_is_over(self) -> None:
        if self._greeting.active():
            self._greeting.cancel()

    def _no_hello(self) -> None:
        self._server.strangers.warn(
            "closing {peer}: it did not say who it is in time", peer=self.peer
        )
        self.abort()


def label(peer: Peer) -> str:
    """Say who a peer is, for the log; what it says of itself is quoted."""
    name = f" {peer.name!r}" if peer.name else ""
    worker = f" worker {peer.worker}" if peer.worker is not None else ""
    return f"{peer.role!r}{name}{worker} [{peer.key.hex()[:8]}]"
