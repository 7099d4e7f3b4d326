"""Whatever a peer sends, it harms nobody but itself."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.protocols import amp
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster, RawPeer
from tests.channel.properties import cases
from tpush.channel import wire
from tpush.channel.link import Commands
from tpush.channel.peer_link import PeerLink
from tpush.message import Message

TAKES: Commands = PeerLink.takes
KEYS = sorted({key for kind, _ in TAKES.values() for key, _ in kind.arguments})

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.binary() | st.text(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)
values = st.one_of(
    st.binary(max_size=40),
    st.integers(-10, 2**70).map(lambda number: b"%d" % number),
    st.sampled_from([b"True", b"False", b"k" * 16, b"n" * 32]),
    st.lists(anything, max_size=4).map(lambda items: wire.Items().pack(items)),
)
boxes = st.builds(
    lambda command, fields: amp.AmpBox({b"_command": command, **fields}).serialize(),
    st.sampled_from(sorted(TAKES)) | st.binary(min_size=1, max_size=20),
    st.dictionaries(st.sampled_from([*KEYS, b"_ask", b"items.1"]), values, max_size=8),
)
damaged = st.builds(
    lambda box, at, byte: box[: at % len(box)] + bytes([byte]) + box[at % len(box) + 1 :],
    boxes,
    st.integers(0, 1000),
    st.integers(0, 255),
)
streams = st.lists(boxes | damaged | st.binary(max_size=60), max_size=6).map(b"".join)


class FuzzTests(SynchronousTestCase):
    """Boxes of all shapes, whole and damaged, before a hello and after it."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster()
        self.cluster.start()
        self.got: list[Message] = []
        self.listener = self.cluster.channel("listener")
        self.listener.subscribe("mine alone", self.got.append)
        self.publisher = self.cluster.channel("publisher")
        self.cluster.run(1)
        self.published = 0

    @cases(200)
    @given(streams, st.booleans())
    def test_peer(self, data: bytes, greeted: bool) -> None:  # noqa: FBT001 - from hypothesis
        """No traceback, no other peer disturbed, and what is published arrives."""
        peer: RawPeer = self.cluster.peer(hello=greeted)
        peer.write(data)
        self.cluster.run(0.1)
        assert peer.transport is not None
        peer.transport.loseConnection()
        self.cluster.run(0.1)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertTrue(self.listener.connected)
        self.assertTrue(self.publisher.connected)
        self.published += 1
        self.publisher.publish("mine alone", str(self.published))
        self.cluster.run(0.1)
        mine = [message for message in self.got if message.data == str(self.published).encode()]
        self.assertEqual(len(mine), 1)
