"""Who has missed something while the channel did not know them is told so, and nobody else."""

from functools import partial
from unittest.mock import patch

from tests.channel.client_case import ClientCase
from tests.channel.contract.case import Boom
from tests.channel.program import LIMITS, BrokerCase, Program
from tpush.channel.broker import Broker
from tpush.channel.items import Delivery, Missed
from tpush.message import GONE, WorkerID


class BrokerTests(BrokerCase):
    """Without a link or a clock."""

    def missed(self, program: Program) -> int:
        """Count how often a program was told that it has missed something."""
        items = program.attached.outbox.take(100, 1 << 20)
        return sum(isinstance(item, Missed) for _, item in items)

    def test_given_up(self) -> None:
        """One that was given up is told when it is back, once, before what is published then."""
        a, b, c = self.program("a"), self.program("b", "news"), self.program("c", "news")
        for program, away in ((b, 6), (c, 4)):
            program.lose(self.now)
            self.tick(away)
            a.publish("news", "1")
            a.turn(self.now)
            program.attach(self.broker)
            c.turn(self.now)
        self.assertEqual([type(item) for item in b.attached.outbox], [Missed, Delivery])
        self.assertEqual((self.missed(b), self.missed(c)), (1, 0))
        b.attach(self.broker)
        self.assertEqual(self.missed(b), 1, "it has not acknowledged that")
        self.assertEqual(self.broker.metrics.missed, 1)

    def test_back_too_late(self) -> None:
        """One that a new broker has routed without is told; a new one, or in time, is not."""
        programs = [self.program(name, "news") for name in "abc"]
        successor = Broker(b"j" * 16, LIMITS, 0, settle=2)
        a, b, c = programs
        for program in a, b:
            program.attach(successor)
        a.publish("news", "1")
        a.send(2)
        successor.tick(2)
        c.attach(successor)
        new = Program("d")
        new.attach(successor)
        self.assertEqual([self.missed(each) for each in (a, b, c, new)], [0, 0, 1, 0])

    def test_nothing_was_routed(self) -> None:
        """Where nothing was published meanwhile there is nothing that one has missed."""
        a, b = self.program("a", "news"), self.program("b", "news")
        b.publish("news", "1")
        self.turns(b, a)
        for again in (0, 0, 1):
            if again:
                b.publish("news", "2")
                b.turn(self.now)
            a.lose(self.now)
            self.tick(6)
            a.attach(self.broker)
            self.assertEqual(self.missed(a), again)
            a.acknowledge()

    def test_waited_for_one_that_was_forgotten(self) -> None:
        """One for which something waited has missed that, though nothing came afterwards."""
        a, b = self.program("a"), self.program("b", "news")
        b.lose(self.now)
        a.publish("news", "1")
        a.turn(self.now)
        self.tick(6)
        b.attach(self.broker)
        self.assertEqual(self.missed(b), 1)

    def test_lost_before_it_was_restored(self) -> None:
        """What one has missed it is told by the session after the next, where that did not last."""
        a, b = self.program("a"), self.program("b", "news")
        a.publish("news", "1")
        self.turns(a, b)
        self.broker.leave(b.attached, self.now)
        short = self.broker.attach(b.peer, b.known)
        self.broker.detach(short, self.now)
        self.tick(6)
        b.known = short.token
        b.attach(self.broker)
        self.assertEqual(self.missed(b), 1)

    def test_nothing_to_miss(self) -> None:
        """One that subscribes to nothing has missed nothing."""
        a, b = self.program("a"), self.program("b")
        for program in a, b:
            program.lose(self.now)
        self.tick(6)
        a.attach(self.broker)
        a.publish("news", "1")
        a.turn(self.now)
        b.attach(self.broker)
        self.assertEqual((self.missed(b), self.broker.metrics.missed), (0, 0))

    def test_told_of(self) -> None:
        """A worker of which others were told that it is gone is told, whatever was published."""
        a, worker = self.program("a", GONE), Program("w", 7)
        worker.subscribe("news")
        worker.attach(self.broker)
        worker.lose(0)
        self.tick(6)
        a.turn(self.now)
        self.assertEqual(a.messages, [b'{"worker": 7}'])
        worker.attach(self.broker)
        self.assertEqual(self.missed(worker), 1)

    def test_forgotten_long_ago(self) -> None:
        """It is known of so many when they were forgotten; others are told."""
        a, b = self.program("a", "news"), self.program("b", "news")
        a.publish("news", "1")
        self.turns(a, b)
        for program in a, b:
            program.lose(self.now)
        with patch("tpush.channel.absences.MOST_FORGOTTEN", 1):
            self.tick(6)
        for program in a, b:
            program.attach(self.broker)
        self.assertEqual((self.missed(a), self.missed(b)), (1, 0))


class LinkTests(ClientCase):
    """Over AMP."""

    def test_worker(self) -> None:
        """A worker that was away too long is told so, once, and may do with that what it likes."""
        a, told = self.cluster.channel(), list[str]()

        def missed() -> None:
            told.append("missed")
            raise Boom

        a.claim(WorkerID(7), lambda: None, missed)
        a.subscribe("x", lambda _: None)
        b, _ = self.listener("y")
        self.run_()
        for away in 3, 8:
            self.assertEqual(told, [])
            a._connection._delay = partial(max, away)
            self.cluster.pipe_of(a).cut()
            self.run_(away - 1)
            b.publish("x", "1")
            self.run_(2)
        self.assertEqual(told, ["missed"])
        self.assertEqual(len(self.flushLoggedErrors(Boom)), 1)
        self.assertQuiet()
