"""A program's end of a channel, with no carrier: what it asks for, and what it takes."""

from dataclasses import replace

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.channel.end import ChannelEnd
from tpush.channel.items import QUEUE_FULL, Answer, Assignment, Finish, Mark, Publish
from tpush.errors import (
    ChannelClosed,
    OutboxFull,
    QueueFull,
    TooManySubscriptions,
    TPushError,
)
from tpush.limits import Limits
from tpush.message import Job, Message, WorkerID
from tpush.receipt import Receipt, Ticket

BROKER = b"b" * 16
TICKET = Ticket(b"t" * 24)


class End(ChannelEnd):
    """Its carrier does nothing but count."""

    key = b"k" * 16
    connected = True

    def __init__(self, clock: Clock, limits: Limits) -> None:
        super().__init__(clock, limits)
        self.stirs = self.claims = 0

    @override
    def stirred(self) -> None:
        self.stirs += 1

    @override
    def claimed(self) -> None:
        self.claims += 1

    @override
    def leave(self) -> Deferred[None]:
        return succeed(None)


class EndCase(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.begin()

    def begin(self, **limits: int) -> None:
        self.end = End(Clock(), replace(Limits(), **limits))

    def acknowledge(self, number: int) -> None:
        """Have all sent, and acknowledged up to that number."""
        self.end.outbox.take(100, 1 << 20)
        self.end.acknowledged(number)

    def held(self) -> list[object]:
        return list(self.end.outbox)


class JobTests(EndCase):
    """Jobs are done once, and it is known which are in progress."""

    @override
    def setUp(self) -> None:
        super().setUp()
        self.jobs: list[Job] = []
        self.work: list[Deferred[None]] = []
        self.end.watch("q", self.do)

    def do(self, job: Job) -> Deferred[None]:
        self.jobs.append(job)
        self.work.append(Deferred())
        return self.work[-1]

    def assign(self, number: int, *, asked: bool = False) -> None:
        assignment = Assignment(number, 10 + number, "q", 1, b"x", asked)
        self.end.assigned(number, BROKER, assignment)

    def watches(self, *, resumed: bool) -> list[tuple[str, bool]]:
        return self.end.take_all(resumed=resumed).watch

    def test_once(self) -> None:
        """A job that is sent again is not done again; its outcome is told once."""
        self.assign(1)
        self.assign(1)
        self.work[0].callback(None)
        self.assertEqual((len(self.jobs), self.held()), (1, [Finish(11, ok=True)]))

    def test_reserved(self) -> None:
        """Of jobs that were asked for those that have come are asked for no more."""
        self.end.reserve()
        self.end.reserve()
        self.assign(1, asked=True)
        self.assertEqual(self.end.take_all(resumed=True).reserve, 1)

    def test_asked_once(self) -> None:
        """What a broker is told whole it is not told in part as well."""
        self.end.reserve()
        self.end.take_all(resumed=True)
        changes = self.end.take_changes()
        self.assertEqual((changes.watch, changes.reserve), ([], 0))

    def test_in_progress(self) -> None:
        """A broker that knows of no job here is told of their queue when the last is done."""
        self.assign(1)
        self.assign(2)
        self.assertEqual(self.watches(resumed=True), [("q", False)])
        self.assertEqual(self.watches(resumed=False), [])
        self.work[0].callback(None)
        self.assertEqual(self.watches(resumed=False), [])
        self.assertEqual(self.end.take_changes().watch, [])
        self.work[1].callback(None)
        self.assertEqual(self.end.take_changes().watch, [("q", False)])
        self.assertEqual(self.watches(resumed=False), [("q", False)])

    def test_outcomes_find_room(self) -> None:
        """The outcome of a job is held though as much is held as may be."""
        self.begin(held_items=1)
        self.end.watch("q", self.do)
        self.assign(1)
        self.end.publish("x", "1")
        self.work[0].callback(None)
        self.assertEqual(self.held()[1:], [Finish(11, ok=True)])


class AskingTests(EndCase):
    """What the program asks for is held within bounds, until it is known what became of it."""

    def test_nobody_hears(self) -> None:
        """A message that nobody hears is reported by workers alone: others have no id to say."""
        message = Message("x", b"1", ticket=TICKET)
        self.end.delivered(1, b"o", 1, message)
        self.assertEqual(self.held(), [])
        self.end.claim(WorkerID(7), lambda: None)
        self.end.delivered(2, b"o", 2, message)
        self.assertEqual(len(self.held()), 1)
        self.end.subscribe("x", lambda _: None)
        self.end.delivered(3, b"o", 3, message)
        self.assertEqual(len(self.held()), 1)

    def test_report_without_an_id(self) -> None:
        """A program that has claimed no worker id has nothing to report."""
        self.assertRaises(ValueError, self.end.report, TICKET, None)

    def test_claims(self) -> None:
        """The broker is told of an id that is new, and of no other."""
        for worker in (7, 7, 8):
            self.end.claim(WorkerID(worker), lambda: None)
        self.assertEqual(self.end.claims, 2)

    def test_id_taken(self) -> None:
        """An id that is taken is nothing to who has claimed none, or is about to leave."""
        self.end.id_taken()
        taken: list[int] = []
        self.end.claim(WorkerID(7), lambda: taken.append(7))
        self.end.id_taken()
        _closed = self.end.close()
        self.end.id_taken()
        self.assertEqual(taken, [7])

    def test_bounds(self) -> None:
        """As many events and queues as may be; one that is there already is not one too many."""
        self.begin(subscriptions=1)
        for _ in range(2):
            self.end.subscribe("x", lambda _: None)
            self.end.watch("q", lambda _: None)
        self.assertRaises(TooManySubscriptions, self.end.subscribe, "y", lambda _: None)
        self.assertRaises(TooManySubscriptions, self.end.watch, "r", lambda _: None)

    def test_rejected(self) -> None:
        """Who asked is told why it was not carried out; by then nobody may wait any more."""
        full, other = self.end.enqueue("q", "1"), self.end.enqueue("q", "2")
        self.end.rejected(1, 1, QUEUE_FULL, "full")
        self.end.rejected(2, 2, "later", "of a later version")
        self.assertEqual(str(self.failureResultOf(full, QueueFull).value), "full")
        self.assertIs(self.failureResultOf(other).type, TPushError)
        self.end.rejected(3, 2, QUEUE_FULL, "full")

    def test_acknowledged(self) -> None:
        """All who wait are told up to the number that is acknowledged, and nothing is held."""
        first, second, third = (self.end.enqueue("q", data) for data in "123")
        self.acknowledge(2)
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertNoResult(third)
        self.assertEqual(len(self.held()), 1)

    def test_order(self) -> None:
        """An order is text, and for its targets, as other messages are."""
        also, but = ("y", None), ("z", None)
        _receipt = self.end.order("x", b"{}", also=[also], but=[but])
        [request] = (each for each in self.held() if isinstance(each, Publish))
        message = request.message
        self.assertEqual((message.also, message.but), ((also,), (but,)))
        self.assertTrue(message.order and message.text and message.ticket)

    def test_held_bytes(self) -> None:
        """What is held is bounded in bytes as well, of messages and jobs."""
        for ask in (self.end.publish, self.end.enqueue):
            self.begin(held_bytes=1_500)
            again = getattr(self.end, ask.__name__)
            again("x", b"x" * 1_000)
            self.assertRaises(OutboxFull, again, "x", b"x" * 1_000)

    def test_questions_find_room(self) -> None:
        """Whether all is in effect can be asked though as much is held as may be."""
        self.begin(held_items=1)
        self.end.publish("x", "1")
        asked = [self.end.flush(), self.end.settled()]
        self.assertEqual(len(self.held()), 3)
        for each in asked:
            self.assertNoResult(each)


class ReceiptTests(EndCase):
    """Receipts come to an event of this program's own."""

    def ask(self) -> Deferred[Receipt]:
        return self.end.publish("x", "1", key="k", receipt=True)

    def test_subscribed_once(self) -> None:
        """It is subscribed to with the first that is asked for."""
        for subscribed in (1, 0):
            self.assertNoResult(self.ask())
            self.assertEqual(len(self.end.take_changes().subscribe), subscribed)

    def test_answer_finds_room(self) -> None:
        """What is told of a key is held though as much is held as may be."""
        self.begin(held_items=1)
        receipt = self.ask()
        [request] = self.held()
        assert isinstance(request, Publish) and request.message.ticket is not None
        self.end.routed(1, request.message.ticket, [])
        self.assertEqual(self.held()[1:], [Answer("k", self.successResultOf(receipt))])

    def test_no_room_to_report(self) -> None:
        """A report that finds no room is lost, which is logged."""
        self.begin(held_items=1)
        self.end.claim(WorkerID(7), lambda: None)
        self.end.publish("x", "1")
        with capturedLogs() as events:
            self.end.delivered(1, b"o", 1, Message("x", b"1", ticket=TICKET))
        self.assertIn("a receipt is lost", formatEvent(events[-1]) or "")

    def test_no_receipt(self) -> None:
        """What is no receipt is logged, and changes nothing."""
        receipt = self.ask()
        [inbox] = self.end.callbacks.events
        with capturedLogs() as events:
            self.end.delivered(1, b"o", 1, Message(inbox, b"nonsense"))
        self.assertIn("no receipt", formatEvent(events[-1]) or "")
        self.assertNoResult(receipt)


class CloseTests(EndCase):
    """What is held is sent first; who waits in vain is told."""

    def test_at_once(self) -> None:
        """Where nothing is held nothing is waited for."""
        self.successResultOf(self.end.close())
        self.assertEqual(self.held(), [])

    def test_first(self) -> None:
        """What is held is waited for."""
        self.end.publish("x", "1")
        closed = self.end.close()
        self.assertIsInstance(self.held()[-1], Mark)
        self.assertNoResult(closed)
        self.acknowledge(2)
        self.successResultOf(closed)

    def test_nothing_lost(self) -> None:
        """Who only asked whether all has arrived has lost nothing that the log could tell."""
        clock = self.end.clock
        assert isinstance(clock, Clock)
        flushed = self.end.flush()
        closed = self.end.close()
        with capturedLogs() as events:
            clock.advance(self.end.limits.stop_wait)
        self.assertEqual([e for e in events if "never acknowledged" in e["log_format"]], [])
        self.successResultOf(closed)
        self.failureResultOf(flushed)

    def test_in_vain(self) -> None:
        """Whoever waits when there is no more time is told so, once."""
        clock = self.end.clock
        assert isinstance(clock, Clock)
        waiting = [self.end.enqueue("q", "1"), self.end.settled()]
        closed = self.end.close()
        with capturedLogs() as events:
            clock.advance(self.end.limits.stop_wait)
        self.assertEqual(formatEvent(events[-1]), "2 requests were never acknowledged")
        self.successResultOf(closed)
        for each in waiting:
            self.failureResultOf(each, ChannelClosed)
        self.end.synced(1, 2)
        self.acknowledge(3)

    def test_afterwards(self) -> None:
        """What is asked for afterwards fails, and stirs nothing."""
        self.end.subscribe("x", lambda _: None)
        self.successResultOf(self.end.close())
        stirs = self.end.stirs
        self.failureResultOf(self.end.settled(), ChannelClosed)
        self.end.unsubscribe("x")
        self.assertEqual(self.end.stirs, stirs)
        self.assertRaises(ChannelClosed, self.end.publish, "x", "1")
