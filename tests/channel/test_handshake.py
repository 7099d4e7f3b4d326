"""Both ends of a link prove that they know one secret."""

from dataclasses import fields, replace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster
from tests.channel.pipes import PipeEndpoint
from tpush.channel import wire
from tpush.channel.broker import Broker
from tpush.channel.client import AMPChannel
from tpush.channel.client_link import ClientLink
from tpush.channel.handshake import Transcript
from tpush.channel.peer_link import Hello, PeerLink
from tpush.channel.server import ChannelServer
from tpush.errors import ProtocolViolation

OLD, NEW, OTHER = b"the old secret 0123", b"the new secret 4567", b"somebody else's 89ab"
TRANSCRIPT = Transcript(1, "tpush-ws", b"k" * 16, 7, b"c" * 16, b"n" * 32, b"m" * 32)


class TranscriptTests(SynchronousTestCase):
    """A proof is good for one link, one direction and one secret."""

    def test_proved(self) -> None:
        """A proof is recognised by whoever has the secret, among others too."""
        proof = TRANSCRIPT.prove(NEW, "client")
        self.assertEqual(TRANSCRIPT.proved_with([OLD, NEW], "client", proof), NEW)
        self.assertIsNone(TRANSCRIPT.proved_with([OLD, OTHER], "client", proof))
        self.assertIsNone(TRANSCRIPT.proved_with([], "client", proof))
        self.assertIsNone(TRANSCRIPT.proved_with([NEW], "client", b""))

    def test_not_sent_back(self) -> None:
        """A proof of one end is none of the other."""
        proof = TRANSCRIPT.prove(NEW, "client")
        self.assertIsNone(TRANSCRIPT.proved_with([NEW], "channel", proof))

    def test_covers_everything(self) -> None:
        """A proof is no longer one when anything that was said differs."""
        proof = TRANSCRIPT.prove(NEW, "client")
        changed: dict[str, Any] = {"version": 2, "role": "tpush-http", "worker": None}
        for field in fields(Transcript):
            other = changed.get(field.name, b"x" * 16)
            with self.subTest(field=field.name):
                forged = replace(TRANSCRIPT, **{field.name: other})
                self.assertIsNone(forged.proved_with([NEW], "client", proof))


class LinkTests(SynchronousTestCase):
    """A channel with secrets takes those who know one, and is known by it."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster()

    def start(self, *secrets: bytes) -> None:
        cluster = self.cluster
        broker = Broker(cluster.random.randbytes(16), cluster.limits, cluster.clock.seconds(), 0)
        cluster.server = ChannelServer(
            broker, cluster.clock, cluster.limits, secrets, cluster.random.randbytes
        )
        cluster.network.listen(cluster.server)

    def channel(self, *secrets: bytes) -> AMPChannel:
        channel = AMPChannel(
            PipeEndpoint(self.cluster.network),
            self.cluster.clock,
            self.cluster.limits,
            secrets=secrets,
            entropy=self.cluster.random.randbytes,
        )
        self.cluster.channels.append(channel)
        self.cluster.run(1)
        return channel

    @override
    def tearDown(self) -> None:
        self.cluster.close()
        self.assertEqual(self.cluster.clock.getDelayedCalls(), [])

    def test_the_same_secret(self) -> None:
        """Two that know one secret work together, over a reconnect too."""
        self.start(NEW)
        a, b = self.channel(NEW), self.channel(NEW)
        got: list[bytes] = []
        a.subscribe("x", lambda message: got.append(message.data))
        self.cluster.run()
        self.cluster.pipe_of(a).cut()
        b.publish("x", "hello")
        self.cluster.run(2)
        self.assertEqual(got, [b"hello"])

    def test_rotation(self) -> None:
        """While a secret is replaced the channel takes those with either."""
        self.start(NEW, OLD)
        self.assertTrue(self.channel(OLD).connected)
        self.assertTrue(self.channel(NEW, OTHER).connected)

    def test_wrong(self) -> None:
        """One with another secret is refused."""
        self.start(NEW)
        self.assertFalse(self.channel(OTHER).connected)

    def test_missing(self) -> None:
        """One without a secret is not taken by a channel that has one."""
        self.start(NEW)
        self.assertFalse(self.channel().connected)

    def test_a_channel_without(self) -> None:
        """One with a secret does not trust a channel that does not ask for it."""
        self.start()
        channel = self.channel(NEW)
        channel.publish("x", "private")
        self.cluster.run(2)
        self.assertFalse(channel.connected)

    def test_a_channel_that_cannot_prove(self) -> None:
        """One with a secret does not trust a channel that asks for it and has it not."""
        self.start(NEW)
        attach = PeerLink._attach

        def forge(link: PeerLink, hello: Hello, proof: bytes | None) -> None:
            attach(link, hello, TRANSCRIPT.prove(OTHER, "channel"))

        self.patch(PeerLink, "_attach", forge)
        channel = self.channel(NEW)
        channel.publish("x", "private")
        self.cluster.run(2)
        self.assertFalse(channel.connected)

    def test_nothing_from_who_has_not_proved(self) -> None:
        """A channel that has not proved anything cannot have what is held let go."""
        self.start(OTHER)
        channel = self.channel()
        channel.publish("x", "held")
        link = ClientLink(channel)
        self.assertRaises(ProtocolViolation, link.on_acknowledge, 1)
        self.assertRaises(ProtocolViolation, link.on_deliver, [], 1)
        self.assertEqual(len(channel.outbox), 1)

    def test_nothing_before_the_proof(self) -> None:
        """A peer that has not proved anything can do nothing, and is not heard of."""
        self.start(NEW)
        peer = self.cluster.peer(hello=False)
        peer.hello_only(b"k" * 16)
        self.cluster.run(0.1)
        self.assertEqual(peer.commands, [b"Challenge"])
        peer.send(wire.Restored, jobs=0)
        self.cluster.run(0.1)
        self.assertIsNotNone(peer.lost)
        self.assertEqual(self.cluster.broker.sessions, [])

    def test_played_back(self) -> None:
        """A proof that was overheard is worth nothing on another link."""
        self.start(NEW)
        overheard = TRANSCRIPT.prove(NEW, "client")
        peer = self.cluster.peer(hello=False)
        peer.send(
            wire.Hello,
            version=1, role="tpush-ws", name="", key=b"k" * 16, worker=7,
            session=None, acknowledged=None, nonce=b"n" * 32,
        )  # fmt: skip
        self.cluster.run(0.1)
        peer.send(wire.Prove, proof=overheard)
        self.cluster.run(0.1)
        self.assertEqual(peer.commands, [b"Challenge", b"Refuse"])
        self.assertIsNotNone(peer.lost)

    def test_a_proof_that_never_comes(self) -> None:
        """A peer that leaves a challenge unanswered is closed in time."""
        self.start(NEW)
        peer = self.cluster.peer(hello=False)
        peer.hello_only(b"k" * 16)
        self.cluster.run(self.cluster.limits.greeting - 1)
        self.assertIsNone(peer.lost)
        self.cluster.run(2)
        self.assertIsNotNone(peer.lost)
