"""Whatever a WebSocket client sends, it harms nobody but itself."""

# ruff: noqa: N802 - assertions are named as trial's own

import gc
import re
import struct
from dataclasses import replace
from random import Random

import h11
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from tests.channel.properties import randoms, told
from tests.publisher.streams import pieces
from tests.pusher.client import Client
from tests.pusher.streams import LIMIT, Writer
from tests.pusher.websocket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    client_frame,
    handshake,
    server_frames,
)
from tpush.limits import Limits
from tpush.message import BROADCAST, Message, WorkerID
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory
from tpush.pusher.opening import Opening

Event = tuple[int, bytes]
"""Opcode and payload of a message or a ping."""

INTERVAL = 1e6
PROBE = client_frame(PING, b"the last")
ERRORS = {1002, 1007, 1009}


def read_by_websockets(stream: bytes) -> tuple[list[Event], bool]:
    """Return what websockets reads of frames, and whether it is still open."""
    # Its own limit counts control frames in the middle of a message, too.
    protocol = Protocol(Side.SERVER, max_size=None)
    protocol.receive_data(stream)
    events: list[Event] = []
    message: list[Frame] = []
    for event in protocol.events_received():
        assert isinstance(event, Frame)
        if event.opcode is Opcode.PING:
            events.append((PING, bytes(event.data)))
        elif event.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            message.append(event)
            if event.fin:
                payload = b"".join(bytes(frame.data) for frame in message)
                kind = message[0].opcode
                message.clear()
                if len(payload) > LIMIT or (kind is Opcode.TEXT and not is_text(payload)):
                    return events, False
                events.append((int(kind), payload))
    return events, protocol.state is OPEN


def is_text(payload: bytes) -> bool:
    """Say whether this is UTF-8."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def headers_by_h11(stream: bytes) -> dict[str, str]:
    """Return the headers at the start of a stream, by name; those of one name are one list."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(stream)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    values: dict[str, list[str]] = {}
    for name, value in request.headers:
        values.setdefault(name.decode(), []).append(value.decode("latin-1").strip())
    return {name: ", ".join(values[name]) for name in values}


class Recorded(Connection):
    """Keeps what was taken for a message or a ping."""

    events: list[Event]
    seen: dict[str, str]
    """The headers of its handshake."""

    @override
    def arrive(self, opening: Opening) -> None:
        self.seen = dict(opening.headers)
        super().arrive(opening)

    @override
    def onOpen(self) -> None:
        self.events = []
        super().onOpen()

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.events.append((BINARY if isBinary else TEXT, payload))
        super().onMessage(payload, isBinary)

    @override
    def onPing(self, payload: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self.events.append((PING, payload))
        super().onPing(payload)


class RecordedFactory(PusherFactory):
    connection_class = Recorded


class FuzzTestCase(SynchronousTestCase):
    """One client that is well, and strangers."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        limits = replace(Limits(), client_message=LIMIT, ping_interval=INTERVAL)
        self.factory = RecordedFactory(WorkerID(7), self.clock, limits)
        self.client = Client(self.factory).open()
        self.published = 0

    @override
    def tearDown(self) -> None:
        self.client.lose()
        self.assertEqual(len(self.factory.audience), 0)
        self.assertEqual(self.factory.countConnections, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        gc.collect()  # where an error was dropped with what it was about, it is logged now
        self.assertEqual(self.flushLoggedErrors(), [])

    def assertEnds(self, stranger: Client) -> None:
        """Check that a stranger that is being closed is gone soon, and gets nothing more."""
        sent = stranger.transport.value()
        self.publish()
        self.clock.advance(4.1)
        self.assertTrue(stranger.gone)
        self.assertEqual(stranger.transport.value(), sent)

    def assertUnharmed(self, stranger: Client) -> None:
        """Check that nothing is left of a stranger that leaves, and others get their messages."""
        stranger.lose()
        self.assertEqual(len(self.factory.audience), 1)
        self.assertEqual(self.factory.countConnections, 1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.publish()
        self.assertEqual(self.flushLoggedErrors(), [])

    def ping(self) -> None:
        """Have all clients pinged; the one that is well answers."""
        self.client.transport.clear()
        self.clock.advance(INTERVAL)
        for opcode, payload in server_frames(self.client.transport.value()):
            self.assertEqual(opcode, PING)
            self.client.send(client_frame(PONG, payload))

    def publish(self) -> None:
        self.published += 1
        data = b"%d" % self.published
        self.client.transport.clear()
        self.factory.fanout.send(Message(BROADCAST, data))
        self.clock.advance(0)
        self.assertEqual(self.client.transport.value(), b"\x81" + bytes([len(data)]) + data)


class FrameTests(FuzzTestCase):
    """Frames, in any pieces, behind a good handshake."""

    def check(self, stream: bytes, random: Random) -> bool:
        """Check what is made of a stream; return whether it ended well."""
        stranger = Client(self.factory)
        start = handshake()
        if random.random() < 0.2:
            stranger.send(start)
            self.ping()
            start = b""
        for piece in pieces(random, start + stream + PROBE):
            stranger.send(piece)
        assert isinstance(stranger.connection, Recorded)
        ours = stranger.connection.events
        theirs, still_open = read_by_websockets(stream + PROBE)
        frames = [frame for frame in stranger.frames[1:] if frame[0] != PING]
        closes = [struct.unpack("!H", data[:2])[0] for kind, data in frames if kind == CLOSE]
        failed = bool(ERRORS & set(closes))
        pongs = [payload for opcode, payload in frames if opcode == PONG]
        self.assertEqual(ours, theirs[: len(ours)] if failed else theirs)
        self.assertEqual(pongs, [payload for opcode, payload in ours if opcode == PING])
        self.assertEqual(len(frames), len(pongs) + len(closes))
        if closes:
            self.assertEqual(frames[-1][0], CLOSE)
            self.assertEqual(len(closes), 1)
            self.assertEnds(stranger)
        else:
            self.assertTrue(still_open)
            self.assertFalse(stranger.gone)
        self.assertUnharmed(stranger)
        return not failed

    def test_whole(self) -> None:
        """What is as it should be is taken."""
        for name, random in randoms(300):
            stream = Writer(random).frames()
            with told(name, stream):
                self.assertTrue(self.check(stream, random))

    def test_damaged(self) -> None:
        """What is not is closed, and nothing else is made of it than websockets makes."""
        for name, random in randoms(700):
            writer = Writer(random, odd=0.05)
            stream = writer.damage(writer.frames())
            with told(name, stream):
                self.check(stream, random)


class HandshakeTests(FuzzTestCase):
    """Opening handshakes, in any pieces."""

    def send(self, stream: bytes, random: Random) -> Client:
        stranger = Client(self.factory)
        for piece in pieces(random, stream):
            stranger.send(piece)
        return stranger

    def assertSeen(self, connection: Connection, stream: bytes) -> None:
        """Check that whatever got so far has the headers that h11 reads."""
        seen = getattr(connection, "seen", None)
        if seen is not None:
            # h11 makes something of these two, which are not looked at in a handshake.
            stream = re.sub(rb"(?im)^(content-length|transfer-encoding):.*\r\n", b"", stream)
            theirs = headers_by_h11(stream)
            for name in ("content-length", "transfer-encoding"):
                seen.pop(name, None)
            self.assertEqual(seen, theirs)

    def test_whole(self) -> None:
        """What is as it should be is taken, with no extension, and greeted."""
        for name, random in randoms(200):
            stream = Writer(random).handshake()
            with told(name, stream):
                stranger = self.send(stream + PROBE, random)
                self.assertTrue(stranger.head.startswith(b"HTTP/1.1 101 "))
                self.assertNotIn(b"Extensions", stranger.head)
                self.assertEqual([kind for kind, _ in stranger.frames], [TEXT, PONG])
                self.assertUnharmed(stranger)

    def test_damaged(self) -> None:
        """What is not is refused, and the connection closed."""
        for name, random in randoms(500):
            writer = Writer(random, odd=0.05)
            stream = writer.damage(writer.handshake())
            with told(name, stream):
                stranger = self.send(stream + PROBE, random)
                self.assertSeen(stranger.connection, stream)
                status = stranger.head[9:12]
                if not status:
                    self.assertFalse(stranger.gone)
                    self.clock.advance(10.1)
                    self.assertTrue(stranger.gone)
                elif status != b"101":
                    self.assertIn(status, {b"400", b"403", b"405", b"426", b"431", b"505"})
                    self.assertTrue(stranger.gone)
                self.assertUnharmed(stranger)
