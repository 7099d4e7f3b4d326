"""Programs of a broker, with neither links nor a clock."""

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.channel.broker import Broker
from tpush.channel.inbox import Seen
from tpush.channel.items import Assignment, Delivery, Publish, Request
from tpush.channel.outbox import Outbox
from tpush.channel.session import Peer, Session
from tpush.limits import Limits
from tpush.message import Message, Target, WorkerID

LIMITS = Limits(settle=2, linger=5)


class Program:
    """One program's end, with no carrier: what it holds and what it had, and no more.

    Args:
        name: one letter.
        worker: the id that it claims.
    """

    def __init__(self, name: str, worker: int | None = None) -> None:
        self.name = name
        self.peer = Peer(
            name.encode() * 16, name=name, worker=None if worker is None else WorkerID(worker)
        )
        self.outbox: Outbox[Request] = Outbox()
        self.broker: Broker | None = None
        self.known: bytes | None = None
        self.received = 0
        self.session: Session | None = None
        self.events: set[str] = set()
        self.queues: dict[str, bool] = {}
        self.messages: list[bytes] = []
        self.jobs: list[Assignment] = []
        self.fresh: list[Assignment] = []
        self._seen = Seen(3600, 0)

    @property
    def attached(self) -> Session:
        assert self.session is not None
        return self.session

    def attach(self, broker: Broker) -> None:
        """Say hello, name everything, be ready to send what is held."""
        self.session = broker.attach(self.peer, self.known, self.received)
        if self.known != self.session.token:
            self.received = 0
        self.known, self.broker = self.session.token, broker
        self.outbox.rewind()
        broker.subscribe(self.session, self.events)
        broker.watch(self.session, self.queues.items())
        broker.restore(self.session, self.events, self.queues, 0)

    def lose(self, now: float) -> None:
        """Lose the link."""
        assert self.broker is not None
        self.broker.detach(self.attached, now)
        self.session = None

    def subscribe(self, event: str) -> None:
        self.events.add(event)
        if self.session is not None and self.broker is not None:
            self.broker.subscribe(self.session, [event])

    def unsubscribe(self, event: str) -> None:
        self.events.discard(event)
        if self.session is not None and self.broker is not None:
            self.broker.unsubscribe(self.session, [event])

    def watch(self, queue: str, *, ask: bool = False) -> None:
        self.queues[queue] = ask
        assert self.broker is not None
        self.broker.watch(self.attached, [(queue, ask)])

    def publish(
        self, event: str, data: str, *, one: bool = False, also: tuple[Target, ...] = ()
    ) -> int:
        return self.outbox.append(Publish(Message(event, data.encode(), also=also), one))

    def send(self, now: float, items: int = 100) -> list[tuple[int, Request]]:
        """Send what is held; return what arrived."""
        assert self.broker is not None
        batch = self.outbox.take(items, 1 << 20)
        for number, request in batch:
            self.broker.accept(self.attached, number, request, now)
        return batch

    def take(self, items: int = 100) -> None:
        """Have what the broker holds for it; nothing is acknowledged yet."""
        for number, item in self.attached.outbox.take(items, 1 << 20):
            self.received = number
            if isinstance(item, Assignment):
                assert self.broker is not None
                if self._seen.new(self.broker.instance, item.number, 0):
                    self.jobs.append(item)
                    self.fresh.append(item)
            elif isinstance(item, Delivery) and (
                item.one or self._seen.new(item.origin, item.number, 0)
            ):
                self.messages.append(item.message.data)

    def acknowledge(self) -> None:
        """Tell the broker what it had, and be told what is settled."""
        assert self.broker is not None
        self.broker.acknowledge(self.attached, self.received)
        self.hear()

    def hear(self) -> None:
        """Be told what is settled."""
        self.outbox.acknowledge(self.attached.ledger.acknowledged)

    def turn(self, now: float) -> None:
        """Send, take, acknowledge."""
        self.send(now)
        self.take()
        self.acknowledge()


class BrokerCase(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.now = 0.0
        self.broker = Broker(b"i" * 16, LIMITS, 0, settle=0)

    def program(self, name: str, *events: str, worker: int | None = None) -> Program:
        program = Program(name, worker)
        program.events.update(events)
        program.attach(self.broker)
        return program

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.broker.tick(self.now)

    def turns(self, *programs: Program) -> None:
        for _ in range(4):
            for program in programs:
                program.turn(self.now)
