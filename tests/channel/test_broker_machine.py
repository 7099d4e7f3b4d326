"""The broker under any run of what programs do."""

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

from tests.channel.program import LIMITS, Program
from tests.channel.properties import run_machine
from tpush.channel.broker import Broker
from tpush.channel.items import Enqueue, Finish, Publish
from tpush.message import Message


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

    def subscribed(self, event: str) -> set[str]:
        """Name those who are subscribed, as the broker has it."""
        return {
            program.name
            for program in self.programs.values()
            if self.broker.knows(program.peer)
            and event in self.broker._hub.events(self.broker._sessions[program.peer.key])
        }

    def route(self, message: Message) -> None:
        data = message.data
        subscribed = self.subscribed(message.event)
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
        # What was for one, and this one had not acknowledged, is for one who listens now.
        for data in self.one.intersection(self.may):
            self.may[data] |= self.subscribed(data[:1].decode())

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
            # One for a single subscriber is given out anew by a broker that does not know that the
            # one before it had: maybe to the same.
            once = [data for data in program.messages if data not in self.lost_one]
            assert len(once) == len(set(once)), "twice"
            for publisher in "abcd":
                mine = [int(data[1:]) for data in once if self.by[data] == publisher]
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
