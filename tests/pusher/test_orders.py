"""What back ends have a worker do with its clients."""

import json
from typing import Any

from twisted.internet.defer import Deferred, succeed
from typing_extensions import override

from tests.pusher.client import Client
from tests.pusher.group_case import OPEN, GroupCase
from tests.pusher.websocket import CLOSE, TEXT
from tpush.errors import ChannelClosed, TooManySubscriptions
from tpush.message import (
    BROADCAST,
    ConnectionID,
    Message,
    group_event,
    presence_event,
    user_event,
)
from tpush.orders import Bind, Close, Info, Join, Leave, Order, Show, pack_order
from tpush.pusher.client import Client as PusherClient
from tpush.pusher.orders import Orders
from tpush.pusher.telling import Telling
from tpush.receipt import Counts, Ticket


class Heard(Telling):
    """Notes who joins and leaves."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object, str]] = []

    @override
    def joined(self, client: PusherClient, group: str) -> None:
        self.events.append(("joined", client.connection, group))

    @override
    def left(self, client: PusherClient, group: str) -> None:
        self.events.append(("left", client.connection, group))


class OrdersTests(GroupCase):
    """Orders are carried out with whom they are for, and reported."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.begin()

    def begin(self, **limits: Any) -> None:
        self.start(OPEN, **limits)
        self.reported: list[tuple[Counts, Any]] = []
        self.known: Deferred[None] | None = None
        self.telling = Heard()
        self.orders = Orders(
            self.factory.audience,
            self.factory.groups,
            self.telling,
            lambda: {"worker": 7},
            self.settle,
            self.report,
        )

    full = ""
    """An event for which the channel has no room."""

    @override
    def subscribe(self, event: str) -> None:
        if event == self.full:
            raise TooManySubscriptions("full")
        super().subscribe(event)

    def settle(self) -> Deferred[None]:
        return succeed(None) if self.known is None else self.known

    def report(self, ticket: Ticket, counts: Counts, reply: bytes) -> None:
        self.assertEqual(ticket, b"t")
        self.reported.append((counts, json.loads(reply) if reply else None))

    def order(self, order: Order, event: str, connection: int | None = None) -> tuple[Counts, Any]:
        target = None if connection is None else ConnectionID(connection)
        message = Message(
            event, pack_order(order), connection=target, ticket=Ticket(b"t"), order=True
        )
        self.orders.obey(message)
        return self.reported.pop()

    def closed(self, client: Client) -> tuple[int, str]:
        opcode, payload = client.frames[-1]
        self.assertEqual(opcode, CLOSE)
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def test_close(self) -> None:
        """Who it is for is sent a last message and closed; in the dialect of each."""
        plain, speaker, other = (
            self.client("x"),
            self.client("x", protocols="tpush.v1"),
            self.client(),
        )
        order = Close(4000, "bye", "that was it")
        self.assertEqual(self.order(order, group_event("x")), (Counts(2), None))
        self.assertEqual(plain.frames[-2], (TEXT, b"that was it"))
        said = json.loads(speaker.frames[-2][1])
        self.assertEqual(said, {"type": "message", "connection": True, "data": "that was it"})
        self.assertEqual(self.closed(plain), (4000, "bye"))
        self.assertEqual(self.closed(speaker), (4000, "bye"))
        self.assertEqual(len(other.frames), 1)
        self.order(Close(1000, "", ""), "worker/7", 3)
        self.assertEqual(other.frames[-2], (TEXT, b""))
        self.assertEqual(self.closed(other), (1000, ""))

    def test_close_of_a_slow_client(self) -> None:
        """Who has fallen behind is sent what waits, and the last message, before the close."""
        client = self.client()
        client.connection.pauseProducing()
        self.send(BROADCAST, "before")
        order = Close(4000, "bye", "last words")
        self.assertEqual(self.order(order, BROADCAST), (Counts(1), None))
        self.assertEqual(self.order(order, BROADCAST), (Counts(dropped=1), None))
        client.connection.resumeProducing()
        self.assertEqual(client.frames[1:3], [(TEXT, b"before"), (TEXT, b"last words")])
        self.assertEqual(self.closed(client), (4000, "bye"))
        self.assertEqual(len(client.frames), 4)

    def test_close_of_one_who_never_reads(self) -> None:
        """Who never reads is dropped when his time is over."""
        client = self.client()
        client.connection.pauseProducing()
        self.send(BROADCAST, "before")
        self.order(Close(4000, "bye", None), BROADCAST)
        self.clock.advance(self.factory.closeHandshakeTimeout)
        self.assertTrue(client.gone)

    def test_nobody(self) -> None:
        """An address that is nobody's, or another worker's, is told so."""
        self.client()
        for event, connection in (("worker/7", 2), ("worker/8", 1)):
            self.assertEqual(self.order(Join("x"), event, connection), (Counts(), None))

    def test_out_of_a_group_that_tells(self) -> None:
        """Who is put out of a group is not told who is there any more."""
        client = self.client("x")
        one = ConnectionID(1)
        self.factory.groups.join(one, presence_event("x"))
        self.assertEqual(self.order(Leave("x"), group_event("x")), (Counts(1), None))
        self.send(presence_event("x"), "somebody")
        self.assertEqual(len(client.frames), 1)
        self.assertEqual(self.subscribed, [])

    def test_groups(self) -> None:
        """Connections join and leave, as clients do by themselves."""
        a, b = self.client(), self.client("x")
        self.assertEqual(self.order(Join("x"), BROADCAST), (Counts(2), None))
        self.send(group_event("x"), "hello")
        self.assertEqual([client.frames[-1][1] for client in (a, b)], [b"hello"] * 2)
        self.assertEqual(self.order(Leave("x"), "worker/7", 2), (Counts(1), None))
        self.assertEqual(self.subscribed, [group_event("x")])
        self.assertEqual(self.order(Leave("x"), group_event("x")), (Counts(1), None))
        self.assertEqual(self.subscribed, [])

    def test_told(self) -> None:
        """Who joins or leaves by an order is told of; once."""
        self.client()
        for order in (Join("x"), Join("x"), Leave("x"), Leave("x")):
            self.order(order, BROADCAST)
        self.assertEqual(self.telling.events, [("joined", 1, "x"), ("left", 1, "x")])

    def test_refused(self) -> None:
        """Where there is no room it is told of how many."""
        self.client()
        self.error = TooManySubscriptions("full")
        self.assertEqual(self.order(Join("x"), BROADCAST), (Counts(dropped=1), None))

    def test_too_many(self) -> None:
        """Who is in as many groups as it may joins no other."""
        self.begin(groups=1)
        self.client("x")
        self.client()
        self.assertEqual(self.order(Join("y"), BROADCAST), (Counts(1, dropped=1), None))

    def test_another_user(self) -> None:
        """Who is in as many groups as it may, its user counted, may be bound to another user."""
        self.begin(groups=2)
        client = self.client("x")
        for user in ("ann", "bob"):
            self.assertEqual(self.order(Bind(user), "worker/7", 1), (Counts(1), None))
        self.assertEqual(self.subscribed, [group_event("x"), user_event("bob")])
        self.full = user_event("cy")
        self.assertEqual(self.order(Bind("cy"), "worker/7", 1), (Counts(dropped=1), None))
        self.assertEqual(client.connection.claims.user, "bob")
        self.assertEqual(self.subscribed, [group_event("x"), user_event("bob")])

    def test_users(self) -> None:
        """A connection is bound to a user, to another, and to none."""
        client = self.client()
        self.order(Bind("ann"), "worker/7", 1)
        self.send(user_event("ann"), "1")
        self.order(Bind("ann"), "worker/7", 1)
        self.assertEqual(self.subscribed, [user_event("ann")])
        self.order(Bind("bob"), "worker/7", 1)
        self.assertEqual(client.connection.claims.user, "bob")
        self.send(user_event("ann"), "2")
        self.send(user_event("bob"), "3")
        self.order(Bind(None), "worker/7", 1)
        self.send(user_event("bob"), "4")
        self.assertEqual([data for _, data in client.frames[1:]], [b"1", b"3"])
        self.assertEqual((client.connection.claims.user, self.subscribed), (None, []))

    def test_told_when_known(self) -> None:
        """Who joined is told of when the channel knows it."""
        self.client()
        for order in (Join("x"), Bind("ann")):
            self.known = Deferred()
            self.assertRaises(IndexError, self.order, order, BROADCAST)
            self.known.callback(None)
            self.assertEqual(self.reported.pop(), (Counts(1), None))

    def test_told_at_once(self) -> None:
        """What the channel need not know of is told at once."""
        self.client("x")
        self.known = Deferred()
        self.assertEqual(self.order(Leave("x"), BROADCAST), (Counts(1), None))

    def test_never_known(self) -> None:
        """Where the channel is gone before it knows, nothing is told: this worker is missing."""
        self.client()
        self.known = Deferred()
        self.assertRaises(IndexError, self.order, Join("x"), BROADCAST)
        self.known.errback(ChannelClosed())
        self.assertEqual(self.reported, [])

    def test_nobody_waits(self) -> None:
        """An order without a ticket is carried out, and not reported."""
        client = self.client()
        self.orders.obey(Message(BROADCAST, pack_order(Close(4000, "bye", None)), order=True))
        self.assertEqual((self.closed(client), self.reported), ((4000, "bye"), []))

    def test_show(self) -> None:
        """How many they are, and the addresses of some."""
        for _ in range(3):
            self.client("x")
        self.assertEqual(self.order(Show(2), group_event("x")), (Counts(3), ["7:1", "7:2"]))
        self.assertEqual(self.order(Show(2), group_event("y")), (Counts(), []))

    def test_info(self) -> None:
        """A worker tells of itself, and of no connection."""
        self.client()
        self.assertEqual(self.order(Info(), BROADCAST), (Counts(), {"worker": 7}))

    def test_unknown(self) -> None:
        """An order of a later version is not reported: this worker is missing."""
        for data in (b"", b"{", b"[]", b'{"do":"dance"}', b'{"do":"join"}', b'{"do":["x"]}'):
            message = Message(BROADCAST, data, ticket=Ticket(b"t"), order=True)
            self.orders.obey(message)
        self.assertEqual(self.reported, [])

    def test_long_last_text(self) -> None:
        """A last text is no longer on its way than it is, in whatever letters."""
        last = "漢字" * 1000
        self.assertIn(last.encode(), pack_order(Close(4000, "bye", last)))
