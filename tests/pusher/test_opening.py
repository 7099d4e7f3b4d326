"""An opening handshake is read as Autobahn reads it."""

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import randoms, told
from tests.pusher.client import Transport
from tests.pusher.streams import Writer
from tests.pusher.websocket import handshake
from tpush.pusher.arriving import END
from tpush.pusher.head import check_head
from tpush.pusher.opening import read_opening
from tpush.pusher.quiet import Quiet
from tpush.pusher.refusal import Denied

MORE = (
    b"Host: [::1]",
    b"Host: [::1]:80",
    b"Host: a:b:80",
    b"Host: a:x",
    b"Host:",
    b"Upgrade: h2c, WebSocket",
    b"Connection: upgrade",
    b"Connection: close",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Version: 13, 8",
    b"Sec-WebSocket-Version: x",
    b"Sec-WebSocket-Key: short==",
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg!=",
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg__",
    b"Sec-WebSocket-Protocol: a, b",
    b"Sec-WebSocket-Protocol: a, a",
    b"Sec-WebSocket-Protocol:",
    b"Sec-WebSocket-Extensions: permessage-deflate",
    b"Origin: null",
    b"Origin: file:///",
    b"Origin: http://localhost:8000",
    b"Origin: http://localhost:80000",
    b"Origin: http://[::1",
    b"Origin: localhost",
    b"Origin:",
    b"X: \xc3\xa9 \xa0",
)


class Autobahns(WebSocketServerProtocol):
    """Keeps what it has read, and takes nobody."""

    log = Quiet()
    request: ConnectionRequest | None = None

    @override
    def onConnect(self, request: ConnectionRequest) -> None:
        self.request = request
        raise ConnectionDeny(403, "enough")


EXTENSIONS = b"Sec-WebSocket-Extensions: "


def joined(stream: bytes) -> bytes:
    """Return a handshake whose offers of extensions are one: Autobahn takes no others."""
    lines = stream.split(b"\r\n")
    offers = [line for line in lines if line.startswith(EXTENSIONS)]
    if len(offers) < 2:
        return stream
    others = [line for line in lines if line not in offers]
    offer = EXTENSIONS + b", ".join(offer.removeprefix(EXTENSIONS) for offer in offers)
    return b"\r\n".join([others[0], offer, *others[1:]])


def read_by_autobahn(stream: bytes) -> tuple[Any, ...] | int:
    """Return what Autobahn reads, or the status with which it refuses that."""
    factory = WebSocketServerFactory(reactor=Clock())
    factory.protocol = Autobahns
    factory.setProtocolOptions(
        versions=[13], webStatus=False, allowNullOrigin=True, openHandshakeTimeout=0
    )
    transport = Transport()
    protocol: Any = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.dataReceived(stream)
    request = protocol.request
    if request is None:
        return int(transport.value().split()[1])
    return request.headers, request.host, request.path, request.params, list(request.protocols)


def read_by_us(stream: bytes) -> tuple[Any, ...] | int:
    """Return the same, as we read it."""
    try:
        opening = read_opening(stream.partition(END)[0])
    except Denied as denied:
        return denied.status
    # It leaves out those that are empty.
    full = {name: [each for each in values if each] for name, values in opening.query.items()}
    query = {name: values for name, values in full.items() if values}
    return opening.headers, opening.host, opening.path, query, list(opening.protocols)


class AsAutobahnTests(SynchronousTestCase):
    """What is taken, what is made of it, and with which status the rest is refused."""

    def check(self, stream: bytes) -> bool:
        """Compare; say whether it was taken."""
        ours = read_by_us(stream)
        self.assertEqual(ours, read_by_autobahn(joined(stream)))
        return not isinstance(ours, int)

    def test_each(self) -> None:
        """Headers of all kinds, said besides, or instead of the one of that name."""
        taken = 0
        for field in MORE:
            name = field.partition(b":")[0] + b":"
            besides = handshake(headers=[field])
            others = [line for line in handshake().split(b"\r\n") if not line.startswith(name)]
            instead = b"\r\n".join([*others[:-2], field, b"", b""])
            for stream in (besides, instead):
                with told(stream):
                    taken += self.check(stream)
        self.assertGreater(taken, 20)

    def test_extensions(self) -> None:
        """Extensions may be offered in several lines: RFC 6455 section 9.1."""
        lines = [EXTENSIONS + offer for offer in (b"permessage-deflate", b"x-other; mode=1")]
        head = handshake(headers=lines).partition(END)[0]
        self.assertEqual(read_opening(head).extensions, "permessage-deflate, x-other; mode=1")

    def test_any(self) -> None:
        """Handshakes of all kinds, where they have one reading."""
        taken = 0
        for seed, random in randoms(1000):
            # Autobahn takes one byte of some letters for the end of a line.
            stream = Writer(random, odd=0.1).handshake().replace(b"\x85", b"?")
            try:
                check_head(stream.partition(END)[0])
            except Denied:
                continue
            with told(seed, stream):
                taken += self.check(stream)
        self.assertGreater(taken, 200)
