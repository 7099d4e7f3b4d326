"""What the channel does with what its peers send, without a link or a clock."""

# ruff: noqa: N802 - assertions are named as trial's own

from dataclasses import replace

import msgpack

from tests.channel.program import LIMITS, BrokerCase, Program
from tpush.channel.broker import Broker
from tpush.channel.codec import pack_deliveries
from tpush.channel.items import (
    Answer,
    Enqueue,
    Mark,
    Publish,
    Rejection,
    Repeated,
    Request,
    Routed,
    Sync,
    Synced,
)
from tpush.channel.session import Peer
from tpush.errors import ProtocolViolation, WorkerIDTaken
from tpush.message import MAX_ID, Message, WorkerID
from tpush.receipt import Counts, Receipt, Ticket

TICKET = Ticket(b"t" * 24)


class RoutingTests(BrokerCase):
    def test_publish(self) -> None:
        """A message reaches each subscriber once, and nobody else."""
        a, b, c = self.program("a", "news"), self.program("b", "news"), self.program("c", "x")
        a.publish("news", "1")
        self.turns(a, b, c)
        self.assertEqual((a.messages, b.messages, c.messages), ([b"1"], [b"1"], []))
        self.assertEqual(len(a.outbox), 0)

    def test_several_targets(self) -> None:
        """A message for several events reaches who subscribed to more than one of them once."""
        a, b = self.program("a"), self.program("b", "x", "y")
        a.publish("x", "1", also=(("y", None), ("z", None)))
        a.turn(0)
        self.assertEqual(len(b.attached.outbox), 1)
        self.turns(b, a)
        self.assertEqual((b.messages, len(a.outbox)), ([b"1"], 0))

    def test_batch(self) -> None:
        """What is sent at once is bounded in bytes as well."""
        a, b = self.program("a"), self.program("b", "news")
        for _ in range(2):
            a.publish("news", "x" * 1_000)
        a.send(0)
        self.assertEqual(len(b.attached.outbox.take(9, 900)), 1)

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


class AnswerTests(BrokerCase):
    """What a session asked is answered: at once, and acknowledged when it has the answer."""

    def ask(self, program: Program, *requests: Request) -> None:
        for request in requests:
            program.outbox.append(request)
        self.broker.take_changed()
        program.send(0)

    def assertAnswered(self, program: Program, kind: type, number: int = 1) -> None:
        self.assertEqual(self.broker.take_changed(), [program.session])
        answers = [item for item in program.attached.outbox if isinstance(item, kind)]
        self.assertEqual(len(answers), number)

    def assertHeldUntilTaken(self, program: Program) -> None:
        program.hear()
        self.assertEqual(len(program.outbox), 1)
        program.take()
        program.acknowledge()
        self.assertEqual(len(program.outbox), 0)

    def test_sync(self) -> None:
        """A question whether all is in effect."""
        a = self.program("a")
        self.ask(a, Sync())
        self.assertAnswered(a, Synced)
        self.assertHeldUntilTaken(a)

    def test_queue_full(self) -> None:
        """A job that finds no room."""
        self.broker = Broker(b"i" * 16, replace(LIMITS, queue_jobs=0), 0, settle=0)
        a = self.program("a")
        self.ask(a, Enqueue("q", b"1"))
        self.assertAnswered(a, Rejection)
        self.assertEqual(self.broker.metrics.queue_full, 1)
        self.assertHeldUntilTaken(a)

    def test_routed(self) -> None:
        """A message whose publisher wants a receipt: it is told who has it."""
        a = self.program("a")
        self.program("b", "news", worker=7)
        self.program("c", "news")
        self.ask(a, Publish(Message("news", b"1", ticket=TICKET)))
        [told] = (item for item in a.attached.outbox if isinstance(item, Routed))
        self.assertEqual(told, Routed(TICKET, [WorkerID(7)]))
        self.assertIn(a.session, self.broker.take_changed())

    def test_repeated(self) -> None:
        """A message that was published before: nobody has it twice, and it is counted."""
        a = self.program("a")
        publish = Publish(Message("news", b"1", ticket=TICKET), key="k")
        self.ask(a, publish, Answer("k", Receipt(Counts(), 0, 0)), publish)
        self.assertAnswered(a, Repeated)
        self.assertEqual(self.broker.metrics.repeated, 1)

    def test_of_one_who_left(self) -> None:
        """Who has left is answered nothing, though what it asked is carried out."""
        self.broker = Broker(b"i" * 16, replace(LIMITS, queue_jobs=0), 0, settle=2)
        a = self.program("a")
        full, message = Enqueue("q", b"1"), Message("news", b"1", ticket=TICKET)
        self.ask(a, full, Sync(), Publish(message))
        session = a.attached
        self.broker.leave(session, 0)
        self.tick(2)
        self.assertEqual((self.broker.take_changed(), len(session.outbox)), ([], 0))


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
        self.assertTrue(b.attached.connected)
        self.tick(100)
        self.assertTrue(self.broker.knows(b.peer))

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
        a.attach(self.broker)
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

    def test_left_with_something_to_be_sent(self) -> None:
        """One that left is not told of, whatever was to be sent to it."""
        a, b = self.program("a"), self.program("b")
        self.broker.take_changed()
        self.broker.changed(a.attached)
        self.broker.changed(b.attached)
        self.broker.leave(a.attached, 0)
        self.assertEqual(self.broker.take_changed(), [b.session])

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
