"""A few bytes that would inflate to very many are never inflated."""

import re
import struct
import zlib
from importlib.metadata import requires, version
from typing import Any

from autobahn.websocket.compress import PerMessageDeflateOfferAccept
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.memory import traced
from tests.pusher.client import Client
from tests.pusher.websocket import BROWSER_OFFER, CLOSE, TEXT, client_frame
from tpush.limits import KIB, MIB, Limits
from tpush.message import WorkerID
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory

RSV1 = 0x40
DEFLATE = b"permessage-deflate"


def bomb(size: int) -> bytes:
    """Return that many zeros, compressed as RFC 7692 has it."""
    deflate = zlib.compressobj(9, wbits=-15)
    return (deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def compressed_frame(payload: bytes) -> bytes:
    """Return a masked text frame whose first reserved bit says that it is compressed."""
    frame = client_frame(TEXT, payload)
    return bytes([frame[0] | RSV1]) + frame[1:]


class Listening(Connection):
    """Fails where a message is delivered."""

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        raise AssertionError(f"{len(payload)} bytes were delivered")


class Factory(PusherFactory):
    connection_class = Listening


class NotAgreedTests(SynchronousTestCase):
    """No compression is ever agreed."""

    def test_offers(self) -> None:
        """Whatever a client offers, it is taken without."""
        factory = Factory(WorkerID(7), Clock(), Limits())
        for offer in (
            DEFLATE,
            BROWSER_OFFER,
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            b"permessage-bzip2, permessage-snappy, permessage-brotli, permessage-deflate",
            b"x-webkit-deflate-frame",
        ):
            client = Client(factory).open(extensions=offer)
            self.assertTrue(client.head.startswith(b"HTTP/1.1 101 "), client.head)
            self.assertNotIn(b"Extensions", client.head)

    def test_compressed_frame(self) -> None:
        """A frame that is compressed all the same is refused with 1002, and not inflated."""
        small, large = bomb(5000), bomb(20 * MIB)
        self.assertEqual(len(small), 22)
        for payload, limit in ((small, 1000), (large, 64 * KIB)):
            client = Client(Factory(WorkerID(7), Clock(), Limits(client_message=limit)))
            client.open(extensions=BROWSER_OFFER)
            frame = compressed_frame(payload)
            with traced() as memory:
                client.send(frame)
            opcode, reason = client.frames[-1]
            self.assertEqual((opcode, reason[:2]), (CLOSE, struct.pack("!H", 1002)))
            self.assertLess(memory.peak, 20_000 + 2 * len(frame))


class FloorTests(SynchronousTestCase):
    """What would stand in the way were it agreed: libraries that bound what they inflate."""

    def test_versions(self) -> None:
        """Older ones do not, and are not what is installed."""
        floors = {"autobahn": (26, 10, 1), "Twisted": (26, 10)}
        found = [re.match(r"(\w+)(?:\[\w+\])?>=([\d.]+)", line) for line in requires("tpush") or ()]
        said = {match[1]: match[2] for match in found if match is not None}
        for name, floor in floors.items():
            for text in (said[name], version(name)):
                self.assertGreaterEqual(tuple(map(int, text.split(".")[: len(floor)])), floor)

    def test_agreed(self) -> None:
        """Where it is agreed, inflating ends at the limit, with 1009."""
        factory = Factory(WorkerID(7), Clock(), Limits())
        protocol: Any = factory.protocol
        protocol.perMessageCompressionAccept = staticmethod(
            lambda offers: PerMessageDeflateOfferAccept(offers[0])
        )
        client = Client(factory).open(extensions=DEFLATE)
        self.assertIn(DEFLATE, client.head)
        frame = compressed_frame(bomb(20 * MIB))
        with traced() as memory:
            client.send(frame)
        opcode, reason = client.frames[-1]
        self.assertEqual((opcode, reason[:2]), (CLOSE, struct.pack("!H", 1009)))
        self.assertLess(memory.peak, MIB)
