"""What the channel does with what its peers send, without a link or a clock."""

import msgpack
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tpush.channel.broker import Broker, Peer, Session
from tpush.channel.codec import pack_deliveries
from tpush.channel.inbox import Seen
from tpush.channel.items import Assignment, Delivery, Enqueue, Finish, Mark, Publish, Request
from tpush.channel.outbox import Outbox
from tpush.errors import ProtocolViolation, WorkerIDTaken
from tpush.limits import Limits
from tpush.message import MAX_ID, Message, WorkerID
from tpush.receipt import Ticket

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

    def publish(self, event: str, data: str, *, one: bool = False) -> int:
        return self.outbox.append(Publish(Message(event, data.encode()), one))

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


class RoutingTests(BrokerCase):
    def test_publish(self) -> None:
        """A message reaches each subscriber once, and nobody else."""
        a, b, c = self.program("a", "news"), self.program("b", "news"), self.program("c", "x")
        a.publish("news", "1")
        self.turns(a, b, c)
        self.assertEqual((a.messages, b.messages, c.messages), ([b"1"], [b"1"], []))
        self.assertEqual(len(a.outbox), 0)

    def test_nobody_listens(self) -> None:
        """A message that nobody listens to is acknowledged at once."""
        a = self.program("a")
        a.publish("news", "1")
        a.turn(0)
        self.assertEqual(len(a.outbox), 0)

    def test_acknowledged_by_all(self) -> None:
        """A publisher is told when every subscriber has had its message, and not before."""
        a, b, c = self.program("a"), self.program("b", "news"), self.program("c", "news")
        a.publish("news", "1")
        a.turn(0)
        b.turn(0)
        a.hear()
        self.assertEqual(len(a.outbox), 1)
        c.turn(0)
        a.hear()
        self.assertEqual(len(a.outbox), 0)

    def test_one_in_turn(self) -> None:
        """A message for one goes to the subscribers in turn, connected ones first."""
        a, b, c = self.program("a"), self.program("b", "work"), self.program("c", "work")
        for data in "1234":
            a.publish("work", data, one=True)
        self.turns(a, b, c)
        self.assertEqual((b.messages, c.messages), ([b"1", b"3"], [b"2", b"4"]))
        b.lose(0)
        for data in "56":
            a.publish("work", data, one=True)
        self.turns(a, c)
        self.assertEqual(c.messages[2:], [b"5", b"6"])

    def test_one_without_subscriber(self) -> None:
        """A message for one of nobody is acknowledged."""
        a = self.program("a")
        a.publish("work", "1", one=True)
        a.turn(0)
        self.assertEqual(len(a.outbox), 0)

    def test_one_goes_to_the_lingering(self) -> None:
        """A message for one waits for a lost subscriber where there is no other."""
        a, b = self.program("a"), self.program("b", "work")
        b.lose(0)
        a.publish("work", "1", one=True)
        a.turn(0)
        self.assertEqual(len(a.outbox), 1)
        b.attach(self.broker)
        self.turns(b, a)
        self.assertEqual((b.messages, len(a.outbox)), ([b"1"], 0))

    def test_one_of_a_subscriber_that_left(self) -> None:
        """What was for one that left before it had it goes to another."""
        a, b, c = self.program("a"), self.program("b", "work"), self.program("c", "work")
        a.publish("work", "1", one=True)
        a.turn(0)
        self.broker.leave(b.attached, 0)
        self.turns(c, a)
        self.assertEqual((c.messages, len(a.outbox)), ([b"1"], 0))

    def test_one_of_a_subscriber_that_left_after_a_newer_one(self) -> None:
        """What was for one that left goes to another, though that had a newer message."""
        a, b, c = self.program("a"), self.program("b", "work"), self.program("c", "work")
        a.publish("work", "1", one=True)
        a.publish("work", "2", one=True)
        a.turn(0)
        c.turn(0)
        self.broker.leave(b.attached, 0)
        self.turns(c, a)
        self.assertEqual(sorted(c.messages), [b"1", b"2"])

    def test_one_after_the_broker_died(self) -> None:
        """A message for one that the broker took along is given to one by the next broker."""
        a, b, c = self.program("a"), self.program("b", "work"), self.program("c", "work")
        a.publish("work", "1", one=True)
        a.publish("work", "2", one=True)
        a.send(0)
        c.take()
        self.assertEqual(c.messages, [b"2"])
        b.session = None
        successor = Broker(b"j" * 16, LIMITS, 0, settle=2)
        for program in (c, a):
            program.attach(successor)
        a.send(0)
        successor.tick(2)
        self.turns(c, a)
        self.assertEqual(len(a.outbox), 0)
        self.assertEqual(sorted(set(c.messages)), [b"1", b"2"])

    def test_many_workers(self) -> None:
        """What tells to whom messages went fits into a box, however many workers there are."""
        a = self.program("a")
        for number in range(200):
            self.program(chr(0x100 + number), "news", worker=MAX_ID - number)
        for number in range(300):
            ticket = Ticket(b"%024d" % number)
            a.outbox.append(Publish(Message("news", b"1", ticket=ticket)))
        a.send(0, items=300)
        while batch := a.attached.outbox.take(LIMITS.batch_items, LIMITS.batch_bytes):
            for _command, items in pack_deliveries(batch):
                self.assertLess(len(msgpack.packb(items)), 2 * LIMITS.batch_bytes)

    def test_unsubscribed(self) -> None:
        """What was routed before a subscription is taken back still arrives, nothing later."""
        a = self.program("a", "news")
        a.publish("news", "1")
        a.send(0)
        a.unsubscribe("news")
        a.publish("news", "2")
        self.turns(a)
        self.assertEqual(a.messages, [b"1"])

    def test_gap(self) -> None:
        """A number that is missing is a violation."""
        a = self.program("a")
        self.broker.accept(a.attached, 1, Mark(), 0)
        self.assertRaises(ProtocolViolation, self.broker.accept, a.attached, 3, Mark(), 0)

    def test_changed(self) -> None:
        """Those that have something to be sent are told of once."""
        a, b, c = self.program("a"), self.program("b", "news"), self.program("c")
        self.assertEqual(self.broker.take_changed(), [a.session, b.session, c.session])
        self.assertEqual(self.broker.take_changed(), [])
        a.publish("news", "1")
        a.publish("other", "2")
        a.send(0)
        self.assertEqual(self.broker.take_changed(), [b.session])
        b.take()
        b.acknowledge()
        self.assertEqual(self.broker.take_changed(), [a.session])
        self.broker.changed(c.attached)
        self.assertEqual(self.broker.take_changed(), [c.session])


class SessionTests(BrokerCase):
    def test_comes_back(self) -> None:
        """One that comes back in time gets what it missed, once."""
        a, b = self.program("a"), self.program("b", "news")
        for data in "123":
            a.publish("news", data)
        a.turn(0)
        b.take(2)
        b.lose(0)
        a.publish("news", "4")
        a.turn(0)
        self.tick(4.9)
        self.assertTrue(self.broker.knows(b.peer))
        b.attach(self.broker)
        self.turns(b, a)
        self.assertEqual((b.messages, len(a.outbox)), ([b"1", b"2", b"3", b"4"], 0))

    def test_does_not_come_back(self) -> None:
        """One that does not come back is forgotten after the linger, and holds nobody up."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.turn(0)
        b.lose(0)
        self.assertEqual(self.broker.due(), 5)
        self.tick(5)
        a.hear()
        self.assertEqual((len(a.outbox), self.broker.due()), (0, None))
        self.assertEqual(self.broker.sessions, [a.session])

    def test_takes_over(self) -> None:
        """One that comes back while its old link seems alive has its session."""
        a = self.program("a", "news")
        session = a.session
        a.attach(self.broker)
        self.assertIs(a.session, session)
        self.tick(100)
        self.assertTrue(self.broker.knows(a.peer))

    def test_acknowledges_what_was_never_sent(self) -> None:
        """A hello that acknowledges what was never sent is an error, and changes nothing."""
        a = self.program("a", "news")
        a.publish("news", "1")
        a.send(0)
        a.lose(0)
        self.assertRaises(ValueError, self.broker.attach, a.peer, a.known, 1)
        self.tick(5)
        self.assertFalse(self.broker.knows(a.peer))

    def test_numbers_of_another_broker(self) -> None:
        """What it had of another broker says nothing about this one's numbers."""
        a = self.program("a", "news")
        self.broker.attach(a.peer, b"x" * 16, 1000)

    def test_welcome_lost_after_the_linger(self) -> None:
        """One whose new session it never heard of comes back to it, and misses nothing."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        self.turns(a, b)
        self.assertEqual((b.messages, b.received), ([b"1"], 1))
        b.lose(0)
        self.tick(6)
        # Its hello arrives and is answered; the answer and what follows is lost on the way.
        session = self.broker.attach(b.peer, b.known, b.received)
        self.broker.subscribe(session, ["news"])
        a.publish("news", "2")
        a.turn(6)
        session.outbox.take(9, 999)
        self.broker.detach(session, 6)
        b.attach(self.broker)
        self.turns(b, a)
        self.assertEqual(b.messages, [b"1", b"2"])

    def test_welcome_lost_after_the_linger_and_nothing_sent(self) -> None:
        """One whose new session it never heard of can attach to it."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        self.turns(a, b)
        b.lose(0)
        self.tick(6)
        self.broker.detach(self.broker.attach(b.peer, b.known, b.received), 6)
        b.attach(self.broker)

    def test_worker_id_taken(self) -> None:
        """A worker id belongs to one program, until that is forgotten."""
        a = self.program("a", worker=7)
        with self.assertRaises(WorkerIDTaken):
            self.program("b", worker=7)
        self.assertEqual(len(self.broker.sessions), 1)
        self.program("c", worker=8)
        a.lose(0)
        with self.assertRaises(WorkerIDTaken):
            self.program("b", worker=7)
        self.tick(5)
        self.program("b", worker=7)

    def test_worker_id_changed(self) -> None:
        """One that comes back under another id has let go of the one before."""
        a = self.program("a", worker=7)
        a.peer = Peer(a.peer.key, worker=WorkerID(8))
        a.attach(self.broker)
        self.program("b", worker=7)
        with self.assertRaises(WorkerIDTaken):
            self.program("c", worker=8)

    def test_restore(self) -> None:
        """One that came back is left what it named, and no more."""
        a = self.program("a", "x", "y")
        a.watch("p")
        a.watch("q")
        a.lose(0)
        a.events, a.queues = {"y", "z"}, {"q": True}
        a.attach(self.broker)
        self.assertEqual(self.broker._hub.events(a.attached), ["y", "z"])
        self.assertEqual(self.broker._queues.watched(a.attached), ["q"])

    def test_leave_twice(self) -> None:
        """One that left is forgotten; leaving again changes nothing, its successor stays."""
        a = self.program("a", "news")
        old = a.attached
        self.broker.leave(old, 0)
        a.attach(self.broker)
        self.broker.leave(old, 0)
        self.assertEqual(self.broker.sessions, [a.session])

    def test_publisher_left(self) -> None:
        """What a publisher sent before it left still arrives."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.send(0)
        self.broker.leave(a.attached, 0)
        b.turn(0)
        self.assertEqual(b.messages, [b"1"])


class SettleTests(BrokerCase):
    @override
    def setUp(self) -> None:
        super().setUp()
        self.broker = Broker(b"i" * 16, LIMITS, 0, settle=2)

    def test_holds(self) -> None:
        """A channel that has just started holds what is published until workers are back."""
        a = self.program("a")
        a.publish("news", "1")
        a.send(0)
        self.assertEqual(self.broker.due(), 2)
        b = self.program("b", "news")
        self.tick(1.9)
        a.publish("news", "2")
        a.send(1.9)
        self.turns(a, b)
        self.assertEqual((b.messages, len(a.outbox)), ([], 2))
        self.tick(0.1)
        self.turns(b, a)
        self.assertEqual((b.messages, len(a.outbox)), ([b"1", b"2"], 0))

    def test_late_tick(self) -> None:
        """What comes after the settle time does not overtake what is still held."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.send(0)
        a.publish("news", "2")
        a.send(2.5)
        self.broker.tick(2.5)
        self.turns(b, a)
        self.assertEqual(b.messages, [b"1", b"2"])

    def test_publisher_left(self) -> None:
        """What is held of a publisher that left still arrives."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        a.send(0)
        self.broker.leave(a.attached, 0)
        self.tick(2)
        b.turn(2)
        self.assertEqual(b.messages, [b"1"])


class JobTests(BrokerCase):
    def enqueue(self, program: Program, *jobs: str) -> None:
        for job in jobs:
            program.outbox.append(Enqueue("q", job.encode()))
        program.send(self.now)

    def finish(self, program: Program, *, ok: bool = True) -> None:
        program.outbox.append(Finish(program.fresh.pop(0).job, ok))
        program.turn(self.now)

    def test_job(self) -> None:
        """A job goes to a watcher; the next when that is finished."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.enqueue(a, "1", "2")
        self.turns(a, b)
        self.assertEqual(([job.data for job in b.jobs], len(a.outbox)), ([b"1"], 0))
        self.finish(b)
        self.turns(b)
        self.assertEqual([job.data for job in b.jobs], [b"1", b"2"])

    def test_comes_back(self) -> None:
        """A watcher that comes back in time is given its job once, and may finish it."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.enqueue(a, "1")
        b.take()
        b.lose(0)
        b.attach(self.broker)
        b.turn(0)
        self.assertEqual(len(b.jobs), 1)
        self.finish(b)
        self.assertEqual(len(self.broker._queues), 0)

    def test_reserved_with_a_job_on_the_way(self) -> None:
        """Jobs that are on the way count as reserved for one that came back."""
        a, b = self.program("a"), self.program("b")
        b.watch("q", ask=True)
        self.broker.reserve(b.attached, 2)
        self.broker.reserve(b.attached, 0)
        self.enqueue(a, "1")
        b.lose(0)
        session = self.broker.attach(b.peer, b.known, 0)
        self.broker.restore(session, [], ["q"], 2)
        self.enqueue(a, "2", "3")
        self.assertEqual(len(session.outbox), 2)

    def test_watcher_left(self) -> None:
        """The job of a watcher that left goes to another, as its next attempt."""
        a, b, c = self.program("a"), self.program("b"), self.program("c")
        b.watch("q")
        self.enqueue(a, "1")
        b.turn(0)
        self.broker.leave(b.attached, 0)
        c.watch("q")
        self.assertEqual(self.broker.due(), 1)
        self.tick(1)
        c.turn(1)
        self.assertEqual([(job.data, job.attempt) for job in c.jobs], [(b"1", 2)])

    def test_lost_watcher_is_given_jobs(self) -> None:
        """A job goes to a watcher that is there rather than to one whose link was lost."""
        a, b, c = self.program("a"), self.program("b"), self.program("c")
        b.watch("q")
        c.watch("q")
        b.lose(0)
        self.enqueue(a, "1")
        c.turn(0)
        self.assertEqual([job.data for job in c.jobs], [b"1"])

    def test_unwatch(self) -> None:
        """One that watches no more is given no more."""
        a, b = self.program("a"), self.program("b")
        b.watch("q")
        self.broker.unwatch(b.attached, ["q"])
        self.enqueue(a, "1")
        b.turn(0)
        self.assertEqual(b.jobs, [])


class PropertyTests(SynchronousTestCase):
    def test_any_run(self) -> None:
        """Each message reaches those subscribed once, in order, through lost links and brokers."""
        run_machine(BrokerMachine, examples=100, steps=50)


WHO = st.sampled_from("abcd")
WHAT = st.sampled_from(["x", "y"])


class BrokerMachine(RuleBasedStateMachine):
    """Four programs and a broker, beside who must and who may have which message."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.brokers = 0
        self.programs = {name: Program(name) for name in "abcd"}
        self.published = 0
        self.must: dict[bytes, set[str]] = {}
        self.may: dict[bytes, set[str]] = {}
        self.routed: set[tuple[int, bytes]] = set()
        self.one: set[bytes] = set()
        self.lost_one: set[bytes] = set()
        self.by: dict[bytes, str] = {}
        self.held: list[tuple[str, Message]] = []
        self.jobs = 0
        self.done: list[bytes] = []
        self.redo = False
        self.start()

    def start(self) -> None:
        self.brokers += 1
        settle = 2 if self.brokers > 1 else 0
        self.broker = Broker(b"%016d" % self.brokers, LIMITS, self.now, settle)
        self.ready = self.now + settle
        self.held.clear()
        # Jobs live in the broker's memory.
        self.accepted: set[bytes] = set()

    @initialize(subscribed=st.sets(st.tuples(WHO, WHAT), min_size=4))
    def begin(self, subscribed: set[tuple[str, str]]) -> None:
        for program in self.programs.values():
            program.attach(self.broker)
        for who, event in sorted(subscribed):
            self.programs[who].subscribe(event)

    @rule()
    def all_take_turns(self) -> None:
        for name in self.programs:
            self.send(name)
        for name in self.programs:
            self.take(name)
            self.acknowledge(name)

    def route(self, message: Message) -> None:
        data = message.data
        subscribed = {
            program.name
            for program in self.programs.values()
            if self.broker.knows(program.peer)
            and message.event in self.broker._hub.events(self.broker._sessions[program.peer.key])
        }
        if data not in self.may:
            self.must[data] = set(subscribed)
            self.may[data] = set()
        # A later broker routes it again: who is not back by now, and never had it, misses it.
        self.must[data] = {
            name
            for name in self.must[data]
            if name in subscribed or data in self.programs[name].messages
        }
        self.may[data] |= subscribed

    def forgive(self, name: str, event: str | None = None) -> None:
        """Let *name* miss what it had not when it went away, or unsubscribed."""
        for data, who in self.must.items():
            if event is None or data.startswith(event.encode()):
                who.discard(name)

    def forgiven(self, name: str) -> None:
        self.forgive(name)
        self.lost_one |= self.one

    @rule(who=WHO)
    def attach(self, who: str) -> None:
        program = self.programs[who]
        if program.session is None:
            program.attach(self.broker)

    @rule(who=WHO)
    def come_back_over_half_open_link(self, who: str) -> None:
        self.programs[who].attach(self.broker)

    @rule(who=WHO)
    def lose(self, who: str) -> None:
        if self.programs[who].session is not None:
            self.programs[who].lose(self.now)

    @rule(who=WHO)
    def leave(self, who: str) -> None:
        program = self.programs[who]
        if program.session is None:
            return
        # As a closed channel does: all is acknowledged, or given up; the next has a new key.
        self.broker.leave(program.session, self.now)
        self.forgiven(who)
        self.redo = True
        program.session = None

    @rule(who=WHO, event=WHAT)
    def subscribe(self, who: str, event: str) -> None:
        self.programs[who].subscribe(event)

    @rule(who=WHO, event=WHAT)
    def unsubscribe(self, who: str, event: str) -> None:
        self.programs[who].unsubscribe(event)
        self.forgive(who, event)
        self.lost_one |= self.one

    @rule(who=WHO, event=WHAT, one=st.booleans())
    def publish(self, who: str, event: str, *, one: bool) -> None:
        self.published += 1
        data = f"{event}{self.published}"
        self.by[data.encode()] = who
        if one:
            self.one.add(data.encode())
        self.programs[who].publish(event, data, one=one)

    @rule(who=WHO)
    def enqueue(self, who: str) -> None:
        self.jobs += 1
        self.programs[who].outbox.append(Enqueue("q", b"%d" % self.jobs))

    @rule(who=WHO)
    def watch(self, who: str) -> None:
        if self.programs[who].session is not None:
            self.programs[who].watch("q")

    @rule(who=WHO, ok=st.booleans())
    def finish(self, who: str, *, ok: bool) -> None:
        program = self.programs[who]
        if program.fresh:
            job = program.fresh.pop(0)
            program.outbox.append(Finish(job.job, ok))
            if ok:
                self.done.append(job.data)

    @rule(who=WHO, items=st.integers(1, 4))
    def send(self, who: str, items: int = 100) -> None:
        program = self.programs[who]
        if program.session is None:
            return
        holding = self.now < self.ready or bool(self.held_anything)
        received = program.session.ledger.received
        for number, request in program.outbox.take(items, 1 << 20):
            if number > received and isinstance(request, Publish):
                if holding:
                    self.held.append((who, request.message))
                else:
                    self.route(request.message)
            if number > received and isinstance(request, Enqueue):
                self.accepted.add(request.data)
            self.broker.accept(program.session, number, request, self.now)

    @property
    def held_anything(self) -> bool:
        return bool(self.broker._held)

    @rule(who=WHO, items=st.integers(1, 4))
    def take(self, who: str, items: int = 100) -> None:
        if self.programs[who].session is not None:
            self.programs[who].take(items)

    @rule(who=WHO)
    def acknowledge(self, who: str) -> None:
        program = self.programs[who]
        if program.session is not None:
            program.acknowledge()

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for program in self.programs.values():
            session = self.broker._sessions.get(program.peer.key)
            if session is not None and self.broker._lingering.get(session, 1e9) <= self.now:
                self.forgiven(program.name)
                self.redo = True
        # Those that linger too long leave before anything held is routed.
        gone = [s for s, time in self.broker._lingering.items() if time <= self.now]
        for session in gone:
            self.broker.leave(session, self.now)
        if self.now >= self.ready:
            for _, message in self.held:
                self.route(message)
            self.held.clear()
        self.broker.tick(self.now)

    @precondition(lambda self: self.brokers < 4)
    @rule(back=st.just(set("abcd")) | st.sets(WHO))
    def broker_dies(self, back: set[str]) -> None:
        for program in self.programs.values():
            program.session = None
        self.redo = True
        self.lost_one |= self.one
        self.start()
        for program in self.programs.values():
            if program.name in back:
                program.attach(self.broker)

    @precondition(lambda self: self.brokers < 4)
    @rule(who=WHO, event=WHAT, took=st.sets(WHO))
    def broker_dies_before_it_acknowledges(self, who: str, event: str, took: set[str]) -> None:
        self.attach(who)
        self.publish(who, event, one=False)
        self.send(who)
        for name in sorted(took):
            self.take(name)
        self.broker_dies(set("abcd"))
        self.send(who)
        self.wait(2.0)

    @invariant()
    def subscriptions_as_asked_for(self) -> None:
        for program in self.programs.values():
            if program.session is not None:
                assert self.broker._hub.events(program.session) == sorted(program.events)

    @invariant()
    def never_twice_and_in_order(self) -> None:
        for program in self.programs.values():
            assert len(program.messages) == len(set(program.messages)), "twice"
            for publisher in "abcd":
                mine = [int(data[1:]) for data in program.messages if self.by[data] == publisher]
                assert mine == sorted(mine), "out of order"
            for data in program.messages:
                assert program.name in self.may[data], "not subscribed"
        if not self.redo:
            assert len(self.done) == len(set(self.done)), "a job was done twice"

    @invariant()
    def no_acknowledgement_ahead_of_delivery(self) -> None:
        for program in self.programs.values():
            held = {item.message.data for item in program.outbox if isinstance(item, Publish)}
            for data, who in self.must.items():
                if self.by[data] != program.name or data in held or data in self.one:
                    continue
                for name in who:
                    assert data in self.programs[name].messages, "acknowledged, not delivered"

    @override
    def teardown(self) -> None:
        for program in self.programs.values():
            if program.session is None:
                program.attach(self.broker)
            program.watch("q")
        self.wait(3)
        for _ in range(30 + 6 * self.jobs):
            for name, program in self.programs.items():
                self.send(name)
                self.take(name)
                while program.fresh:
                    self.finish(name, ok=True)
                self.acknowledge(name)
            self.wait(0.5)
        for data, who in self.must.items():
            had = [p.name for p in self.programs.values() if data in p.messages]
            if data not in self.one:
                assert who <= set(had), f"{data!r} never reached {who - set(had)}"
            elif data not in self.lost_one:
                assert len(had) == (1 if who else 0), f"{data!r} for one reached {had}"
        failed = {job.data for p in self.programs.values() for job in p.jobs}
        stranded = {
            job.data for queue in self.broker._queues._queues.values() for job in queue.ready
        }
        assert self.accepted <= failed | stranded, "a job was lost"
        for program in self.programs.values():
            assert len(program.outbox) == 0, "never acknowledged"
            session = program.attached
            assert (len(session.outbox), len(session.ledger)) == (0, 0)
            self.broker.leave(session, self.now)
        broker = self.broker
        assert not (broker._sessions or broker._workers or broker._lingering or broker._held)
        assert not (broker._hub._events or broker._hub._subscribers)
        assert not (broker._changed or broker._queues._given or broker._queues._reserved)
        assert not broker._queues._resting
        assert all(name.endswith("/failed") for name in broker._queues.names)
