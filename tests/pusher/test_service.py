"""The lifetime of a worker, in memory."""

import gc
import struct
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from weakref import ref

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster
from tests.pusher.client import Client
from tests.pusher.websocket import CLOSE, TEXT, client_frame
from tpush.channel.local import LocalBroker, LocalChannel
from tpush.limits import Limits
from tpush.message import BROADCAST
from tpush.metrics import RATED
from tpush.orders import Join, pack_order
from tpush.pusher.service import PusherService

GOING_AWAY = struct.pack("!H", 1001) + b"going away"
MISSED = struct.pack("!H", 4009) + b"messages may be missing: come back"


class FakePort:
    """A port and its endpoint."""

    listening = False

    def listen(self, _factory: object) -> Deferred["FakePort"]:
        self.listening = True
        return succeed(self)

    def stopListening(self) -> None:  # noqa: N802 - a port's
        self.listening = False

    def getHost(self) -> str:  # noqa: N802 - a port's
        return "nowhere"


class StopTests(SynchronousTestCase):
    """A worker that is told to end."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.port = FakePort()
        self.broker = LocalBroker(self.clock)
        self.publisher = self.broker.channel()
        self.service = self.start()

    def endpoint_for(self, _string: str) -> Any:
        return self.port

    def start(self, **limits: Any) -> PusherService:
        self.channel = self.broker.channel()
        service = PusherService(
            self.channel,
            ["nowhere"],
            reactor=self.clock,
            limits=replace(Limits(), **limits),
            endpoint_for=self.endpoint_for,
        )
        service.startService()
        self.run_(0.1)
        return service

    def run_(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)

    def told(self, client: Client) -> list[bytes]:
        """What a client got after its greeting."""
        return [payload for opcode, payload in client.frames[1:] if opcode in (TEXT, CLOSE)]

    def leave(self, client: Client) -> None:
        """Answer the close, and be gone."""
        client.send(client_frame(CLOSE, struct.pack("!H", 1001)))
        client.lose()

    def test_accepted_first(self) -> None:
        """What a publisher accepted before, and what is on its way, comes before the close."""
        client = Client(self.service.factory).open()
        self.publisher.publish(BROADCAST, "before")
        stopped = self.service.stopService()
        self.run_(0.3)
        self.publisher.publish(BROADCAST, "on its way")
        self.assertFalse(self.port.listening)
        self.run_(0.4)
        self.assertEqual(self.told(client), [b"before", b"on its way", GOING_AWAY])
        self.assertNoResult(stopped)
        self.leave(client)
        self.run_(0.1)
        self.successResultOf(stopped)

    def test_rates(self) -> None:
        """What it tells of itself has what is added in a second, beside what was counted."""
        clients = [Client(self.service.factory).open() for _ in range(2)]
        for _ in range(60):
            self.publisher.publish(BROADCAST, "x")
            self.run_(0.1)
        info = self.service._info()
        counted = {name: info["counters"][name] for name in RATED}
        self.assertEqual(counted, {"opened": 2, "messages": 60, "deliveries": 120})
        for name, rate in (("opened", 0.0), ("messages", 10.0), ("deliveries", 20.0)):
            self.assertAlmostEqual(info["rates"][name], rate, delta=0.5)
        for client in clients:
            client.lose()
        self.successResultOf(self.stop_at_once())

    def test_nobody(self) -> None:
        """One without clients waits for nothing."""
        stopped = self.service.stopService()
        self.run_(0.05)
        self.successResultOf(stopped)

    def test_grace(self) -> None:
        """It says that it goes away, and goes on, for as long as it is to."""
        self.successResultOf(self.stop_at_once())
        service = self.service = self.start(drain_grace=3)
        early = Client(service.factory).open()
        stopped = service.stopService()
        self.run_(2.5)
        self.assertEqual(service.factory.complaint(), "draining")
        self.assertTrue(self.port.listening)
        late = Client(service.factory).open()
        self.publisher.publish(BROADCAST, "meanwhile")
        self.run_(0.7)
        self.assertFalse(self.port.listening)
        for client in (early, late):
            self.assertEqual(self.told(client), [b"meanwhile", GOING_AWAY])
            self.leave(client)
        self.run_(0.1)
        self.successResultOf(stopped)

    def test_missed(self) -> None:
        """One that has missed something sends its clients away, at a rate, and takes new ones."""
        self.successResultOf(self.stop_at_once())
        self.service = self.start(drain_rate=10)
        clients = [Client(self.service.factory).open() for _ in range(20)]
        self.channel.missed(self.channel.received)
        self.run_(0.1)
        new = Client(self.service.factory).open()
        self.assertLess(sum(map(len, map(self.told, clients))), 4)
        self.run_(2)
        self.assertEqual([self.told(client) for client in clients], [[MISSED]] * 20)
        self.publisher.publish(BROADCAST, "1")
        self.run_(0.1)
        self.assertEqual(self.told(new), [b"1"])
        for client in (*clients, new):
            self.leave(client)
        self.successResultOf(self.stop_at_once())

    def test_stopped_meanwhile(self) -> None:
        """One that ends while it sends its clients away ends as any other."""
        client = Client(self.service.factory).open()
        self.channel.missed(self.channel.received)
        stopped = self.service.stopService()
        self.run_(1)
        self.assertEqual(self.told(client), [MISSED])
        self.leave(client)
        self.run_(0.1)
        self.successResultOf(stopped)

    def test_slow(self) -> None:
        """One that does not take what waits for it has as long as a worker that ends."""
        self.successResultOf(self.stop_at_once())
        self.service = self.start(ping_interval=0)
        slow, late = clients = [Client(self.service.factory).open() for _ in range(2)]
        for client in clients:
            client.connection.pauseProducing()
        self.publisher.publish(BROADCAST, "1")
        self.run_(0.1)
        self.channel.missed(self.channel.received)
        self.run_(20)
        late.connection.resumeProducing()
        self.assertEqual([self.told(client) for client in clients], [[], [b"1", MISSED]])
        self.assertFalse(slow.gone)
        self.run_(5.1)
        self.assertTrue(slow.gone)
        self.leave(late)
        slow.lose()
        self.successResultOf(self.stop_at_once())

    def test_not_kept(self) -> None:
        """Of those who have been sent away none is kept until the last one is."""
        self.successResultOf(self.stop_at_once())
        self.service = self.start(drain_rate=10)
        clients = [Client(self.service.factory).open() for _ in range(20)]
        self.channel.missed(self.channel.received)
        self.run_(0.5)
        gone = ref(clients[0].connection)
        self.assertEqual(self.told(clients[0]), [MISSED])
        self.leave(clients.pop(0))
        gc.collect()
        self.assertIsNone(gone())
        for client in clients:
            self.leave(client)
        self.successResultOf(self.stop_at_once())

    def test_left_meanwhile(self) -> None:
        """One that ends while it sends clients away leaves no timer, where all have left."""
        self.successResultOf(self.stop_at_once())
        self.service = self.start(drain_rate=10)
        clients = [Client(self.service.factory).open() for _ in range(20)]
        self.channel.missed(self.channel.received)
        self.run_(0.1)
        for client in clients:
            client.lose()
        self.successResultOf(self.stop_at_once())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_counted_once(self) -> None:
        """A client that is sent away is counted once, however often it would be."""
        self.successResultOf(self.stop_at_once())
        self.service = self.start(drain_rate=10)
        clients = [Client(self.service.factory).open() for _ in range(20)]
        for _ in range(2):
            self.channel.missed(self.channel.received)
            self.run_(0.5)
        stopped = self.service.stopService()
        self.run_(3)
        self.assertEqual(self.service.factory.metrics.drained, 20)
        told = [self.told(client) for client in clients]
        self.assertEqual(told.count([MISSED]) + told.count([GOING_AWAY]), 20)
        for client in clients:
            self.leave(client)
        self.run_(0.1)
        self.successResultOf(stopped)

    def test_without_a_channel(self) -> None:
        """One that has no channel has nothing to wait for, and says so before."""
        client = Client(self.service.factory).open()
        with patch.object(LocalChannel, "connected", new=False):
            self.assertEqual(self.service.factory.complaint(), "channel not connected")
            stopped = self.service.stopService()
            self.run_(0.05)
        self.assertEqual(self.told(client), [GOING_AWAY])
        self.leave(client)
        self.run_(0.1)
        self.successResultOf(stopped)

    def stop_at_once(self) -> Deferred[None]:
        stopped = self.service.stopService()
        self.run_(0.1)
        return stopped

    @override
    def tearDown(self) -> None:
        closed = self.publisher.close()
        self.run_(0.1)
        self.successResultOf(closed)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class LastReceiptTests(SynchronousTestCase):
    """A worker that is told to end, while others ask for receipts."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(Limits(ping_interval=0))
        self.cluster.start()
        self.publisher = self.cluster.channel()
        self.leaving, self.staying = self.start(), self.start()
        self.cluster.run(1)

    def start(self) -> PusherService:
        service = PusherService(
            self.cluster.channel(),
            [],
            reactor=self.cluster.clock,
            limits=self.cluster.limits,
            entropy=self.cluster.random.randbytes,
        )
        service.startService()
        return service

    def test_nobody_waits_for_it(self) -> None:
        """Every receipt is complete, whenever in that time its message or order comes."""
        clients = [Client(each.factory).open() for each in (self.leaving, self.staying)]
        stopped = self.leaving.stopService()
        receipts = []
        for millisecond in range(1_000):
            if millisecond == 700:
                clients[0].lose()
            receipts += [
                self.publisher.publish(BROADCAST, "x", receipt=True),
                self.publisher.order(BROADCAST, pack_order(Join("news"))),
            ]
            self.cluster.run(0.001)
        self.successResultOf(stopped)
        self.cluster.run(3)
        missed = [it for it in map(self.successResultOf, receipts) if not it.complete]
        self.assertEqual(missed, [])
        clients[1].lose()
        self.cluster.close()
