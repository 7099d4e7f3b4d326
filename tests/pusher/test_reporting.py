"""Messages whose publisher wants a receipt."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.pusher.client import Client
from tests.pusher.websocket import TEXT
from tpush.limits import Limits
from tpush.message import BROADCAST, ConnectionID, Message, WorkerID
from tpush.metrics import Traffic
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.factory import PusherFactory
from tpush.pusher.reporting import SECOND_LOOK, Reporter
from tpush.receipt import Counts, Ticket


class TellingClient(Client):
    """A client whose transport tells what it has not handed to the kernel."""

    def __init__(self, factory: PusherFactory) -> None:
        super().__init__(factory)
        self.unsent = 0
        vars(self.transport)["unsent"] = lambda: self.unsent


class ReporterTests(SynchronousTestCase):
    """What is told of a message is true of each connection."""

    policy = SlowPolicy.DISCONNECT

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.start(SlowPolicy.DISCONNECT)

    def start(self, policy: SlowPolicy) -> None:
        limits = Limits(pending=1000, ping_interval=0)
        self.factory = PusherFactory(WorkerID(7), self.clock, limits, slow=policy)
        self.told: list[Counts] = []
        self.reporter = Reporter(
            self.factory.fanout,
            self.factory.audience,
            self.clock,
            lambda ticket, counts: self.told.append(counts),
        )

    def clients(self, count: int) -> list[TellingClient]:
        clients = [TellingClient(self.factory) for _ in range(count)]
        for client in clients:
            client.open()
        return clients

    def send(self, data: bytes = b"hello", connection: int | None = None) -> None:
        self.tickets = getattr(self, "tickets", 0) + 1
        ticket = Ticket(b"%d" % self.tickets)
        target = None if connection is None else ConnectionID(connection)
        event = BROADCAST if target is None else "worker/7"
        self.reporter.send(Message(event, data, connection=target, ticket=ticket), ticket)

    def test_written(self) -> None:
        """What the kernel takes at once is told at once."""
        clients = self.clients(3)
        self.send()
        self.assertEqual(self.told, [Counts(written=3)])
        for client in clients:
            self.assertEqual(client.frames[1:], [(TEXT, b"hello")])

    def test_traffic(self) -> None:
        """They count as all others do."""
        self.clients(3)
        self.send()
        self.send(connection=2)
        self.assertEqual(self.factory.fanout.traffic, Traffic(messages=2, deliveries=4))

    def test_one(self) -> None:
        """A message for one connection counts that alone; for one that has left, none."""
        self.clients(3)
        self.send(connection=2)
        self.send(connection=9)
        self.assertEqual(self.told, [Counts(written=1), Counts()])

    def test_nobody(self) -> None:
        """Where nobody is connected, nobody matched."""
        self.send()
        self.assertEqual(self.told, [Counts()])

    def test_order(self) -> None:
        """It overtakes nothing, and is overtaken by nothing."""
        (client,) = self.clients(1)
        self.factory.fanout.send(Message(BROADCAST, b"1"))
        self.send(b"2")
        self.factory.fanout.send(Message(BROADCAST, b"3"))
        self.clock.advance(0)
        self.assertEqual([payload for _, payload in client.frames[1:]], [b"1", b"2", b"3"])

    def test_a_second_look(self) -> None:
        """What a transport hands over a moment later is written; what it keeps is pending."""
        clients = self.clients(3)
        for client in clients[:2]:
            client.unsent = 100
        self.send()
        self.assertEqual(self.told, [])
        clients[0].unsent = 0
        self.clock.advance(SECOND_LOOK)
        self.assertEqual(self.told, [Counts(written=2, pending=1)])

    def test_gone_before_the_second_look(self) -> None:
        """One that ends with the message in its transport may have got it: nobody knows."""
        for left in 0, 100:
            (client,) = self.clients(1)
            client.unsent = 100
            self.send()
            client.lose()
            client.unsent = left
            self.clock.advance(SECOND_LOOK)
            self.assertEqual(self.told.pop(), Counts(pending=1))

    def test_a_transport_that_does_not_tell(self) -> None:
        """Nothing is called written that is not known to be."""
        Client(self.factory).open()
        self.send()
        self.clock.advance(SECOND_LOOK)
        self.assertEqual(self.told, [Counts(pending=1)])

    def test_slow(self) -> None:
        """What waits for a slow client is pending; what does not fit is dropped."""
        (client,) = self.clients(1)
        client.connection.pauseProducing()
        for _ in range(2):
            self.send(b"x" * 600)
        self.send()
        self.assertEqual(self.told, [Counts(pending=1), Counts(dropped=1), Counts(dropped=1)])

    def test_each_policy(self) -> None:
        """A message that makes room for itself waits; one that is left out is dropped."""
        for policy, outcome in (
            (SlowPolicy.DROP_NEWEST, Counts(dropped=1)),
            (SlowPolicy.DROP_OLDEST, Counts(pending=1)),
            (SlowPolicy.KEEP_LATEST, Counts(pending=1)),
        ):
            self.start(policy)
            (client,) = self.clients(1)
            client.connection.pauseProducing()
            self.send(b"x" * 600)
            self.send(b"y" * 600)
            self.send(b"z" * 2000)
            self.assertEqual(self.told, [Counts(pending=1), outcome, Counts(dropped=1)], policy)

    def test_dropped_after_it_waited(self) -> None:
        """What was called pending may be dropped; it was never called written."""
        self.start(SlowPolicy.KEEP_LATEST)
        (client,) = self.clients(1)
        client.connection.pauseProducing()
        self.send(b"x" * 600)
        self.factory.fanout.send(Message(BROADCAST, b"y" * 600))
        self.clock.advance(SECOND_LOOK)
        self.assertEqual(self.told, [Counts(pending=1)])

    def test_closing(self) -> None:
        """A connection that is closing gets nothing more."""
        (client,) = self.clients(1)
        client.connection.sendClose()
        self.send()
        self.assertEqual(self.told, [Counts(dropped=1)])

    def test_a_ticket_that_comes_twice(self) -> None:
        """Whoever uses a ticket again is told twice, and nothing fails."""
        (client,) = self.clients(1)
        client.unsent = 100
        for data in b"1", b"2":
            self.reporter.send(Message(BROADCAST, data), Ticket(b"same"))
        self.clock.advance(SECOND_LOOK)
        self.assertEqual(self.told, [Counts(pending=1)] * 2)
        self.assertEqual(len(client.frames), 3)

    def test_stop(self) -> None:
        """When the worker ends, what it would tell later it tells at once."""
        (client,) = self.clients(1)
        client.unsent = 100
        self.send()
        self.reporter.stop()
        self.assertEqual(self.told, [Counts(pending=1)])
        client.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])
