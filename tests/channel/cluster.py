"""A channel and its programs over an in-memory network, on one Clock."""

from collections.abc import Sequence
from random import Random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols import amp
from twisted.python.failure import Failure
from typing_extensions import override

from tests.channel.pipes import EventClock, Network, Pipe, PipeEndpoint
from tpush.channel import wire
from tpush.channel.broker import Broker
from tpush.channel.client import AMPChannel
from tpush.channel.history import HistoryRule
from tpush.channel.server import ChannelServer
from tpush.limits import Limits


def forget(deferred: "Deferred[Any]") -> None:
    """Let a Deferred run for which nobody waits."""
    del deferred


class Cluster:
    """One channel that can be killed and started anew, and any number of programs.

    Args:
        limits: bounds and times.
        seed: of keys and of the sizes of pieces; None leaves what is written whole.
        delay: seconds that bytes travel.
        tls: close connections as TLS does.
        history: what is kept of groups' messages.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        seed: int | None = None,
        delay: float = 0.001,
        tls: bool = False,
        history: Sequence[HistoryRule] = (),
    ) -> None:
        self.history = history
        self.clock = EventClock()
        self.limits = limits or Limits()
        self.random = Random(seed or 0)
        chunks = None if seed is None else self.random
        self.network = Network(self.clock, delay=delay, random=chunks, tls=tls)
        self.channels: list[AMPChannel] = []
        self.server: ChannelServer | None = None

    @property
    def broker(self) -> Broker:
        assert self.server is not None
        return self.server.broker

    def start(self, settle: float = 0) -> None:
        """Start a channel that knows nothing."""
        instance = self.random.randbytes(16)
        broker = Broker(instance, self.limits, self.clock.seconds(), settle, self.history)
        self.server = ChannelServer(broker, self.clock, self.limits)
        self.network.listen(self.server)

    def kill(self) -> None:
        """Kill the channel: what it has not sent, and what is on the way, is lost."""
        assert self.server is not None
        self.network.listen(None)
        self.network.cut()
        self.server.stop()
        self.server = None

    def leave(self) -> None:
        """Let the channel go away in good order."""
        assert self.server is not None
        self.network.listen(None)
        forget(Deferred.fromCoroutine(self.server.leave()))
        self.server = None

    def channel(self, name: str = "", *, endpoint: PipeEndpoint | None = None) -> AMPChannel:
        """Return one more program's end."""
        channel = AMPChannel(
            endpoint or PipeEndpoint(self.network),
            self.clock,
            self.limits,
            name=name,
            entropy=self.random.randbytes,
        )
        self.channels.append(channel)
        return channel

    def run(self, seconds: float = 0.2) -> None:
        """Let time pass."""
        self.clock.run(seconds)

    def peer(self, *, hello: bool = True) -> "RawPeer":
        """Return a peer that sends what it is told to, connected."""
        peer = RawPeer()
        connecting = self.network.connect(Factory.forProtocol(lambda: peer))
        self.run(0.01)
        assert connecting.called
        if hello:
            peer.hello(self.random.randbytes(16))
            self.run(0.01)
        return peer

    def pipe_of(self, channel: AMPChannel) -> Pipe:
        """Return the pipe over which *channel* is attached."""
        return next(pipe for pipe in self.network.open if pipe.client.protocol is channel._link)

    def close(self) -> None:
        """Close all programs, then the channel."""
        for channel in self.channels:
            forget(channel.close())
        self.run(self.limits.stop_wait + 2)
        if self.server is not None:
            self.network.listen(None)
            self.server.stop()
            self.run(0.1)


class RawPeer(Protocol):
    """A peer that sends any bytes, and keeps the boxes that it gets."""

    def __init__(self) -> None:
        self.boxes: list[dict[bytes, bytes]] = []
        self.lost: Failure | None = None
        self._received = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        self._received += data
        try:
            boxes = amp.parseString(self._received)
        except Exception:  # noqa: BLE001 - the last box is not there in full
            return
        self._received = b""
        self.boxes += boxes

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason

    @property
    def commands(self) -> list[bytes]:
        return [box[b"_command"] for box in self.boxes]

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def box(self, **fields: bytes) -> None:
        """Send one box."""
        self.write(amp.AmpBox({key.encode(): value for key, value in fields.items()}).serialize())

    def send(self, command: type[wire.OneWay], **arguments: object) -> None:
        """Send one command."""
        box = command.makeArguments(arguments, None)
        box[b"_command"] = command.commandName
        self.write(box.serialize())

    def hello_only(
        self, key: bytes, *, version: int = wire.VERSION, worker: int | None = None
    ) -> None:
        """Say hello."""
        self.send(
            wire.Hello,
            version=version, role="raw", name="raw", key=key,
            worker=worker, session=None, acknowledged=None, nonce=b"n" * 32,
        )  # fmt: skip

    def hello(self, key: bytes, *, version: int = wire.VERSION, worker: int | None = None) -> None:
        """Say hello, and have nothing to restore."""
        self.hello_only(key, version=version, worker=worker)
        self.send(wire.Restored, jobs=0)
