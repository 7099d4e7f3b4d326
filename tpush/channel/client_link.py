"""A program's end of a link to the channel."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.channel import codec, wire
from tpush.channel.changes import Changes
from tpush.channel.end import ChannelEnd
from tpush.channel.handshake import NONCE_BYTES, Transcript
from tpush.channel.items import Request
from tpush.channel.link import Commands, Link, commands
from tpush.channel.outbox import Outbox
from tpush.errors import NotProved, ProtocolViolation, Refused, VersionRefused, WorkerIDTaken

NAMES_IN_A_BOX = 1_000

Name = TypeVar("Name")


class LinkedEnd(ChannelEnd):
    """A program's end of a channel, with what a link needs to know of it, and tells it."""

    role: str
    """What the program is, for the channel's log."""
    name: str
    """What it is called, for the channel's log."""
    secrets: Sequence[bytes]
    """The channel has to know the first of them, if there are any, and to ask for it."""
    entropy: Callable[[int], bytes]
    """Gives that many random bytes."""
    session: bytes | None
    """The token of the session that it had last."""

    def attached(self, link: "ClientLink", session: bytes) -> Changes:
        """Be told that the channel has taken this program; return all that it has to name."""
        raise NotImplementedError

    def sent_away(self) -> None:
        """Be told that the channel goes away: another one may come."""
        raise NotImplementedError

    def lost(self) -> None:
        """Be told that the link is gone that the channel had taken."""
        raise NotImplementedError


class ClientLink(Link):
    """A program's end of a link to the channel.

    Args:
        channel: the end of the channel that it is made for.
    """

    takes: ClassVar[Commands] = commands(
        wire.Challenge,
        wire.Welcome,
        wire.Refuse,
        wire.Deliver,
        wire.Job,
        wire.Reject,
        wire.Routed,
        wire.Repeated,
        wire.Synced,
        wire.Recalled,
        wire.Missed,
        wire.Acknowledge,
        wire.Ping,
        wire.Bye,
    )

    def __init__(self, channel: LinkedEnd) -> None:
        super().__init__(channel.clock, channel.limits)
        self._channel = channel
        self._broker: bytes | None = None
        self._nonce = channel.entropy(NONCE_BYTES)
        self._transcript: Transcript | None = None
        self.welcomed: Deferred[None] = Deferred()
        """Fires when the channel has taken this program, or fails with why not."""
        self.closed: Deferred[None] = Deferred()
        """Fires when the connection is gone."""

    @override
    def connectionMade(self) -> None:
        channel = self._channel
        self.send(
            wire.Hello,
            version=wire.VERSION,
            role=channel.role,
            name=channel.name,
            key=channel.key,
            worker=channel.worker,
            session=channel.session,
            acknowledged=channel.received,
            sent=channel.outbox.sent,
            nonce=self._nonce,
        )

    @override
    def outgoing(self) -> Outbox[Request] | None:
        return self._channel.outbox if self._broker is not None else None

    @override
    def settled(self) -> int:
        return self._channel.received

    @override
    def pack(self, batch: list[tuple[int, Any]]) -> Iterable[tuple[type[wire.OneWay], list[Any]]]:
        return codec.pack_requests(batch)

    @override
    def flush(self) -> None:
        if self._broker is not None and self._channel.changed:
            self._send_changes(self._channel.take_changes())
        super().flush()

    @override
    def lost(self, reason: Failure) -> None:
        if self._broker is not None:
            self._channel.lost()
        self._fail(reason)
        self.closed.callback(None)

    def on_challenge(self, channel: bytes, nonce: bytes) -> None:
        """Prove that this program knows the channel's secret, or leave.

        Raises:
            ProtocolViolation: it was challenged or welcomed before.
        """
        if self._broker is not None or self._transcript is not None:
            raise ProtocolViolation("a challenge out of place")
        end = self._channel
        if not end.secrets:
            self._leave(NotProved("the channel asks for a secret, and none is given here"))
            return
        self._transcript = Transcript(
            wire.VERSION, end.role, end.key, end.worker, channel, self._nonce, nonce
        )
        self.send(wire.Prove, proof=self._transcript.prove(end.secrets[0], "client"))

    def on_welcome(
        self, version: int, channel: bytes, session: bytes, proof: bytes | None = None
    ) -> None:
        """Be taken: name what this program has, then send what it holds.

        Raises:
            ProtocolViolation: it was taken before, or speaks another version.
        """
        if self._broker is not None:
            raise ProtocolViolation("a second welcome")
        if version != wire.VERSION:
            raise ProtocolViolation(f"a welcome of version {version}")
        if not self._trusts(channel, proof):
            self._leave(NotProved("the channel has not proved that it knows the secret"))
            return
        self._broker = channel
        everything = self._channel.attached(self, session)
        self._told = self._channel.received
        self._send_changes(everything, restored=True)
        super().flush()
        self.welcomed.callback(None)

    def on_refuse(self, code: str, reason: str) -> None:
        """Be refused."""
        known = {known.code: known for known in (VersionRefused, WorkerIDTaken, NotProved)}
        self._leave(known.get(code, Refused)(reason))

    def on_deliver(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take messages, and then what rides along: who waits for that may close the channel."""
        self._welcomed()
        for number, origin, sequence, message in codec.unpack_deliver(items):
            self._channel.delivered(number, origin, sequence, message)
        self._acknowledged(acknowledged)
        self.flush_soon()

    def on_job(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take jobs, and then what rides with them, as above."""
        broker = self._welcomed()
        for number, assignment in codec.unpack_jobs(items):
            self._channel.assigned(number, broker, assignment)
        self._acknowledged(acknowledged)
        self.flush_soon()

    def on_reject(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what was not carried out."""
        self._acknowledged(acknowledged)
        for number, request, code, reason in codec.unpack_reject(items):
            self._channel.rejected(number, request, code, reason)
        self.flush_soon()

    def on_routed(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take which workers messages went to."""
        self._acknowledged(acknowledged)
        for number, ticket, workers in codec.unpack_routed(items):
            self._channel.routed(number, ticket, workers)
        self.flush_soon()

    def on_repeated(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what became of messages that were published before."""
        self._acknowledged(acknowledged)
        for number, ticket, receipt in codec.unpack_repeated(items):
            self._channel.repeated(number, ticket, receipt)
        self.flush_soon()

    def on_synced(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take that requests were carried out."""
        self._acknowledged(acknowledged)
        for number, request in codec.unpack_synced(items):
            self._channel.synced(number, request)
        self.flush_soon()

    def on_recalled(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take what was published before."""
        self._acknowledged(acknowledged)
        for number, recollection in codec.unpack_recalled(items):
            self._channel.recalled(number, recollection)
        self.flush_soon()

    def on_missed(self, items: list[Any], acknowledged: int | None = None) -> None:
        """Take that the channel has routed without this program."""
        self._acknowledged(acknowledged)
        for number in codec.unpack_missed(items):
            self._channel.missed(number)
        self.flush_soon()

    def on_acknowledge(self, acknowledged: int) -> None:
        """Let go of what the channel has settled."""
        self._acknowledged(acknowledged)

    def on_bye(self) -> None:
        """Be told that the channel goes away.

        Raises:
            ProtocolViolation: it has not taken this program.
        """
        if self._broker is None:
            raise ProtocolViolation("a bye before the welcome")
        self._channel.sent_away()
        self.drop()

    def _welcomed(self) -> bytes:
        """Return the instance of the channel that has taken this program.

        Raises:
            ProtocolViolation: it has not, and so may not be the one that it should be.
        """
        if self._broker is None:
            raise ProtocolViolation("a command before the welcome")
        return self._broker

    def _acknowledged(self, number: int | None) -> None:
        """Take what rides in any batch.

        Raises:
            ProtocolViolation: the channel has not taken this program, or acknowledges what was
                never sent.
        """
        self._welcomed()
        if number:
            try:
                self._channel.acknowledged(number)
            except ValueError as error:
                raise ProtocolViolation(str(error)) from None

    def _send_changes(self, changes: Changes, *, restored: bool = False) -> None:
        # These first: there is a bound on how many there are at once.
        for names in _boxes(changes.unsubscribe):
            self.send(wire.Unsubscribe, events=names)
        for names in _boxes(changes.subscribe):
            self.send(wire.Subscribe, events=names)
        for watches in _boxes(changes.watch):
            self.send(wire.Watch, queues=watches)
        for names in _boxes(changes.unwatch):
            self.send(wire.Unwatch, queues=names)
        if restored:
            self.send(wire.Restored, jobs=changes.reserve)
        elif changes.reserve:
            self.send(wire.Reserve, jobs=changes.reserve)

    def _trusts(self, channel: bytes, proof: bytes | None) -> bool:
        """Say whether the channel has proved what this program asks of it."""
        secrets, transcript = self._channel.secrets, self._transcript
        if not secrets:
            return True
        if transcript is None or proof is None or transcript.channel != channel:
            return False
        return transcript.proved_with(secrets[:1], "channel", proof) is not None

    def _leave(self, refused: Refused) -> None:
        self._fail(Failure(refused))
        self.abort()

    def _fail(self, reason: Failure) -> None:
        if not self.welcomed.called:
            self.welcomed.errback(reason)


def _boxes(names: Sequence[Name]) -> Iterable[Sequence[Name]]:
    for start in range(0, len(names), NAMES_IN_A_BOX):
        yield names[start : start + NAMES_IN_A_BOX]
