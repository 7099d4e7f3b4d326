"""Whether there is room for one more connection."""

import resource

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tests.pusher.client import Client
from tpush.forwarded import Proxies, read_peer
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.metrics import PusherMetrics
from tpush.net.refusing import Refusing
from tpush.pusher.crowd import Crowd, counted_as
from tpush.pusher.factory import SPARE_DESCRIPTORS, PusherFactory
from tpush.pusher.room import NoRoom, Place, Room

PEERS = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "127.0.0.1", None, "10.0.0.1")
CLIENTS = ("198.51.100.1", "198.51.100.2")
TRUSTED = "10.0.0.1"


class RoomTests(SynchronousTestCase):
    """There is room for so many, and for so many of one address."""

    @override
    def setUp(self) -> None:
        self.metrics = PusherMetrics()
        self.room = Room(10, 8, 3, Proxies([TRUSTED]), self.metrics)

    def enter(self, peer: str | None, said: str = "") -> Place:
        place = self.room.arrive(peer)
        self.room.know(place, peer, {"x-forwarded-for": said})
        self.room.opened(place)
        return place

    def status(self, peer: str | None, said: str = "") -> int:
        no_room: NoRoom = self.assertRaises(NoRoom, self.enter, peer, said)
        return no_room.status

    def test_in_all(self) -> None:
        """Beyond all that there may be, nobody; when one has left, one."""
        places = [self.enter(None) for _ in range(10)]
        self.assertEqual(self.status(None), 503)
        self.room.leave(places[0])
        self.enter(None)
        self.assertEqual((self.metrics.full, self.metrics.crowded), (1, 0))

    def test_handshakes(self) -> None:
        """Handshakes have a bound of their own, and one address a part of it."""
        for _ in range(2):
            self.room.arrive("192.0.2.1")
        self.assertEqual(self.status("192.0.2.1"), 429)
        for _ in range(6):
            self.room.arrive(None)
        self.assertEqual(self.status(None), 503)

    def test_few_handshakes(self) -> None:
        """Of however few handshakes there may be, an address may have one."""
        Room(10, 2, 3, Proxies(), self.metrics).arrive("192.0.2.1")

    def test_refused_before_its_head(self) -> None:
        """An address that has as many as it may is refused before anything of one more is read."""
        for _ in range(3):
            self.enter("192.0.2.1")
        self.assertRaises(NoRoom, self.room.arrive, "192.0.2.1")

    def test_descriptors(self) -> None:
        """Where no number is given, there is room for what the limit of descriptors leaves."""
        self.patch(resource, "getrlimit", lambda _: (SPARE_DESCRIPTORS + 2, 10_000))
        factory = PusherFactory(WorkerID(7), Clock(), Limits(ping_interval=0))
        for _ in range(2):
            self.assertEqual(len(Client(factory).open().frames), 1)
        refused = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50_000))
        self.assertIsInstance(refused, Refusing)

    def test_of_an_address(self) -> None:
        """One address has so many, one /64 of IPv6 too; this machine is not counted."""
        for peer, other in (("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")):
            places = [self.enter(peer) for _ in range(3)]
            self.assertEqual(self.status(peer), 429)
            self.room.leave(places[0])
            self.enter(peer)
            self.enter(other)
        self.assertEqual(self.metrics.crowded, 2)

    def test_another_of_the_same_network(self) -> None:
        """Addresses of one /64 are one client's."""
        for number in range(3):
            self.enter(f"2001:db8::{number}")
        self.assertEqual(self.status("2001:db8::9"), 429)

    def test_this_machine(self) -> None:
        """A client of this machine is not counted."""
        for peer in ("127.0.0.1", "::1", None):
            for _ in range(4 if peer == "127.0.0.1" else 3):
                self.enter(peer)

    def test_behind_a_proxy(self) -> None:
        """Behind a proxy of ours its clients are counted, each for itself."""
        for client in CLIENTS:
            for _ in range(3):
                self.enter(TRUSTED, client)
            self.assertEqual(self.status(TRUSTED, client), 429)

    def test_a_proxy_that_does_not_say(self) -> None:
        """What a proxy of ours does not say for whom it is counts for the proxy itself."""
        for _ in range(3):
            self.enter(TRUSTED)
        self.assertEqual(self.status(TRUSTED), 429)

    def test_refused_one_leaves(self) -> None:
        """One that is refused when its client is known leaves nothing behind when it is gone."""
        for _ in range(3):
            self.enter(TRUSTED, CLIENTS[0])
        place = self.room.arrive(TRUSTED)
        self.assertRaises(NoRoom, self.room.know, place, TRUSTED, {"x-forwarded-for": CLIENTS[0]})
        self.room.leave(place)
        self.enter(TRUSTED, CLIENTS[1])

    def test_what_a_client_sees(self) -> None:
        """A client is told with 429 that its address has too many, and others are taken."""
        limits = Limits(per_address=1, ping_interval=0)
        factory = PusherFactory(WorkerID(7), Clock(), limits, proxies=Proxies([TRUSTED]))

        def come(peer: str, said: bytes = b"") -> Client:
            client = Client(factory, IPv4Address("TCP", peer, 50_000))
            return client.open(headers=[b"X-Forwarded-For: " + said] if said else [])

        for peer, said in (("192.0.2.1", b""), (TRUSTED, b"198.51.100.1")):
            first, second = come(peer, said), come(peer, said)
            self.assertEqual(len(first.frames), 1)
            self.assertTrue(second.head.startswith(b"HTTP/1.1 429 "), second.head)
            self.assertIn(b"Retry-After: 10", second.head)
            self.assertTrue(second.gone)
            first.lose()
            second.lose()
            self.assertEqual(len(come(peer, said).frames), 1)
        self.assertEqual(factory.metrics.crowded, 2)

    def test_proxy_protocol(self) -> None:
        """Where a proxy's protocol tells the address after the connection is made, that counts."""
        factory = PusherFactory(WorkerID(7), Clock(), Limits(per_address=1, ping_interval=0))
        for said, status in (("198.51.100.1", b"101"), ("198.51.100.1", b"429")):
            client = Client(factory, IPv4Address("TCP", TRUSTED, 50_000))
            client.transport.peerAddr = IPv4Address("TCP", said, 1)
            self.assertEqual(client.open().head.split()[1], status)


class RoomMachineTests(SynchronousTestCase):
    def test_any_coming_and_going(self) -> None:
        """Whoever comes, opens and leaves, the bounds hold and nothing is left behind."""
        run_machine(RoomMachine, examples=60, steps=40)


class RoomMachine(RuleBasedStateMachine):
    """Any connections come, open and leave: the counts are those of a plain model."""

    places = Bundle("places")

    def __init__(self) -> None:
        super().__init__()
        self.room = Room(6, 4, 2, Proxies([TRUSTED]), PusherMetrics())
        self.there: list[Place] = []

    @rule(target=places, peer=st.sampled_from(PEERS))
    def arrive(self, peer: str | None) -> Place | None:
        opening = sum(place.opening for place in self.there)
        try:
            place = self.room.arrive(peer)
        except NoRoom as no_room:
            if no_room.status == 503:
                assert len(self.there) == 6 or opening == 4
            return None
        assert len(self.there) < 6
        assert opening < 4
        self.there.append(place)
        return place

    @rule(place=places, said=st.sampled_from(CLIENTS))
    def know_and_open(self, place: Place | None, said: str) -> None:
        if place is None or place not in self.there or not place.opening:
            return
        try:
            self.room.know(place, place.peer, {"x-forwarded-for": said})
        except NoRoom:
            self.room.leave(place)
            self.there = [other for other in self.there if other is not place]
        else:
            self.room.opened(place)

    @rule(place=consumes(places))
    def leave(self, place: Place | None) -> None:
        if any(other is place for other in self.there):
            assert place is not None
            self.room.leave(place)
            self.there = [other for other in self.there if other is not place]

    @invariant()
    def bounds_hold(self) -> None:
        clients = [place.client for place in self.there if place.client is not None]
        assert all(clients.count(client) <= 2 for client in clients), clients

    @override
    def teardown(self) -> None:
        for place in self.there:
            self.room.leave(place)
        for _ in range(4):  # all of it is free again
            self.room.opened(self.room.arrive(None))


class CrowdTests(SynchronousTestCase):
    """A count of connections by address."""

    def test_no_trace(self) -> None:
        """A client that has left leaves no trace; with 0 it may have any number."""
        client = counted_as(read_peer("192.0.2.1"))
        for most in 2, 0:
            crowd = Crowd(most)
            for _ in range(2):
                crowd.take(client)
            self.assertEqual(crowd.has_room(client), not most)
            for _ in range(2):
                crowd.give_back(client)
            self.assertEqual(len(crowd), 0)
