"""The last messages of groups, for those who come back."""

from collections.abc import Sequence
from itertools import count

import msgpack
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import run_machine
from tpush.channel import codec
from tpush.channel.history import KEPT_BYTES, MOST_PUBLISHERS, History, HistoryRule
from tpush.channel.items import Recollection
from tpush.limits import BATCH_BYTES, BOX, MIB, Limits
from tpush.message import ConnectionID, Message, Position, Target
from tpush.recalled import Recalled
from tpush.receipt import Ticket

NEWS = "group/news"
ALL = [HistoryRule("*", 3, 10)]


def history(rules: Sequence[HistoryRule] = ALL, size: int = MIB, groups: int = 100) -> History:
    return History("e", rules, Limits(history_bytes=size, history_groups=groups))


NUMBERS = count(1)


def keep(kept: History, message: Message, now: float = 0) -> Message:
    """Keep a message that was not there before."""
    return kept.keep(message, (b"p", next(NUMBERS)), now)


def at(offset: int) -> Position:
    return Position("e", offset)


def say(data: str, event: str = NEWS, *also: Target) -> Message:
    return Message(event, data.encode(), also=also)


def ask(kept: History, event: str, since: Position | None, most: int, now: float) -> Recalled:
    return kept.recall(event, since, most, now)[0]


def recall(
    kept: History, offset: int, event: str = NEWS, now: float = 0, most: int = MIB
) -> tuple[bool, list[str]]:
    """Return whether history reaches back, and the contents that it has."""
    missed = ask(kept, event, at(offset), most, now).since(at(offset))
    return missed is not None, [message.data.decode() for message in missed or ()]


class HistoryTests(SynchronousTestCase):
    """What is kept, and for how long."""

    def test_missed(self) -> None:
        """Who knows an offset is told what came after it, in order."""
        kept = history()
        for number in range(1, 4):
            sent = keep(kept, say(f"{number}"), 0)
            self.assertEqual(sent.positions, ((NEWS, at(number)),))
        self.assertEqual(recall(kept, 0), (True, ["1", "2", "3"]))
        self.assertEqual(recall(kept, 2), (True, ["3"]))
        self.assertEqual(recall(kept, 3), (True, []))
        self.assertEqual(ask(kept, NEWS, None, MIB, 0), Recalled(at(3)))

    def test_too_long_ago(self) -> None:
        """Where something is lost nothing is told: of another epoch, or of one to come, too."""
        kept = history()
        for number in range(1, 5):
            keep(kept, say(f"{number}"), 0)
        self.assertEqual(recall(kept, 0), (False, []))
        self.assertEqual(recall(kept, 1), (True, ["2", "3", "4"]))
        self.assertEqual(recall(kept, 5), (False, []))
        other = ask(kept, NEWS, Position("other", 2), MIB, 0)
        self.assertEqual(other, Recalled(at(4)))
        self.assertIsNone(other.since(Position("other", 4)))
        self.assertIsNone(other.since(None))

    def test_too_old(self) -> None:
        """A message is kept for its time, and its offset for longer."""
        kept = history()
        keep(kept, say("1"), 0)
        keep(kept, say("2"), 5)
        self.assertEqual(recall(kept, 0, now=9.9), (True, ["1", "2"]))
        self.assertEqual(recall(kept, 0, now=10), (False, []))
        self.assertEqual(recall(kept, 1, now=10), (True, ["2"]))
        self.assertEqual(kept.due(), 15)
        kept.forget(14.9)
        self.assertEqual(len(kept), 1)
        kept.forget(15)
        self.assertEqual((len(kept), kept.held, kept.due()), (0, 0, None))
        self.assertEqual(recall(kept, 1, now=15), (False, []))
        self.assertEqual(recall(kept, 2, now=15), (True, []))
        self.assertEqual(keep(kept, say("3"), 15).positions, ((NEWS, at(3)),))
        self.assertEqual(recall(kept, 1, now=15), (False, []))
        self.assertEqual(recall(kept, 2, now=15), (True, ["3"]))

    def test_new_group(self) -> None:
        """A group that nothing was published to yet has a position, and reaches back to it."""
        kept = history()
        self.assertEqual(ask(kept, NEWS, None, MIB, 0), Recalled(at(0)))
        self.assertEqual(recall(kept, 0), (True, []))

    def test_no_history(self) -> None:
        """Groups of no rule keep none, nor does what is no group."""
        kept = history([HistoryRule("new?", 3, 10)])
        for event in "group/newer", "broadcast", "user/news", "worker/1":
            self.assertEqual(keep(kept, say("1", event), 0).positions, ())
            self.assertEqual(ask(kept, event, at(0), MIB, 0), Recalled())
        self.assertEqual(keep(history([]), say("1")), say("1"))
        self.assertEqual(len(kept), 0)

    def test_first_rule(self) -> None:
        """The first rule whose pattern a name has counts."""
        kept = history([HistoryRule("news", 1, 10), *ALL])
        for number in range(4):
            keep(kept, say(f"{number}"), 0)
            keep(kept, say(f"{number}", "group/chat"), 0)
        self.assertEqual(recall(kept, 3), (True, ["3"]))
        self.assertEqual(recall(kept, 2), (False, []))
        self.assertEqual(recall(kept, 1, "group/chat"), (True, ["1", "2", "3"]))

    def test_several_groups(self) -> None:
        """A message for several stands in each of them, and knows all of its positions."""
        kept = history()
        keep(kept, say("0", "group/b"), 0)
        also: tuple[Target, ...] = (("group/b", None), ("user/ann", None), (NEWS, None))
        sent = say("1", NEWS, *also)._replace(ticket=Ticket(b"t"), but=(("user/bob", None),))
        sent = keep(kept, sent, 0)
        self.assertEqual(sent.positions, ((NEWS, at(1)), ("group/b", at(2))))
        self.assertEqual((sent.also, sent.ticket), (also, b"t"))
        recalled = ask(kept, "group/b", at(1), MIB, 0)
        one = sent._replace(event="group/b", also=(), ticket=None)
        self.assertEqual(recalled.messages, (one,))

    def test_of_one_connection(self) -> None:
        """What is for one connection of an event is nobody's history."""
        kept = history()
        one = say("1")._replace(connection=ConnectionID(1))
        self.assertEqual(keep(kept, one, 0), one)

    def test_too_much(self) -> None:
        """Of more bytes than may be sent the newest are."""
        kept = history()
        keep(kept, say("12"), 0)
        keep(kept, say("345"), 0)
        self.assertEqual(recall(kept, 0, most=5), (True, ["12", "345"]))
        self.assertEqual(recall(kept, 0, most=4), (False, []))
        self.assertEqual(recall(kept, 1, most=4), (True, ["345"]))
        sent = ask(kept, NEWS, at(0), 4, 0)
        self.assertIsNone(sent.since(at(0)))
        self.assertEqual([message.data for message in sent.since(at(1)) or ()], [b"345"])

    def test_too_much_for_a_box(self) -> None:
        """However much may be sent, an answer is no longer than a box, targets and all."""
        kept = history([HistoryRule("*", 10_000, 10)], 64 * MIB)
        but = tuple((f"user/{number:0195}", None) for number in range(50))
        for said in [say("1" * MIB)] * 5, [say("1")] * 6_000, [say("1")._replace(but=but)] * 500:
            for message in said:
                newest = keep(kept, message).positions[0][1]
            told, names = kept.recall(NEWS, at(0), 64 * MIB, 0)
            self.assertEqual(told.position, newest)
            self.assertGreater(len(told.messages), 1)
            answer = Recollection(2**53, 0, told, [(b"k" * 16, 2**53) for _ in names])
            [(_, items)] = codec.pack_deliveries([(2**53, answer)])
            self.assertLess(len(msgpack.packb(items)), BOX - BATCH_BYTES)

    def test_names(self) -> None:
        """The newest of each publisher is known by name; what was kept has no second place."""
        kept = history()
        names = [(b"p", 1), (b"q", 1), (b"p", 2)]
        for name in names:
            self.assertTrue(kept.keep(say("1"), name, 0).positions)
            self.assertEqual(kept.keep(say("1"), name, 0), say("1"))
        self.assertEqual(kept.recall(NEWS, at(3), MIB, 0)[1], ((b"q", 1), (b"p", 2)))
        for number in range(MOST_PUBLISHERS):
            kept.keep(say("1"), (b"%d" % number, 1), 0)
        self.assertNotIn((b"p", 2), kept.recall(NEWS, None, MIB, 0)[1])

    def test_had_elsewhere(self) -> None:
        """What another broker may have delivered ends the epoch, and is not kept."""
        kept = history([HistoryRule("news", 3, 10)])
        keep(kept, say("1"))
        kept.pass_over(say("2", "group/other", ("user/ann", None)))
        self.assertEqual(recall(kept, 0), (True, ["1"]))
        kept.pass_over(say("2", "group/other", (NEWS, None)))
        self.assertEqual((recall(kept, 0), recall(kept, 1)), ((False, []), (False, [])))
        self.assertEqual((len(kept), kept.held), (0, 0))
        position = keep(kept, say("3")).position(NEWS)
        assert position is not None
        self.assertEqual(position.offset, 2)
        self.assertNotEqual(position.epoch, "e")
        newest = ask(kept, NEWS, position._replace(offset=1), MIB, 0)
        self.assertEqual([message.data for message in newest.messages], [b"3"])

    def test_bytes(self) -> None:
        """Over all bytes the group that was published to longest ago loses its oldest first."""
        one = say("1")
        size = one._replace(positions=((NEWS, at(1)),)).size + KEPT_BYTES
        kept = history([HistoryRule("a", 9, 10), HistoryRule("*", 9, 10)], 4 * size)
        for now, group in enumerate("abab"):
            keep(kept, say("1", f"group/{group}"), now)
        self.assertEqual(kept.held, 4 * size)
        keep(kept, say("1", "group/b"), 4)
        self.assertEqual(recall(kept, 0, "group/a"), (False, []))
        self.assertEqual(recall(kept, 1, "group/a"), (True, ["1"]))
        keep(kept, say("1", "group/c"), 5)
        self.assertEqual(recall(kept, 1, "group/a"), (False, []))
        self.assertEqual(recall(kept, 2, "group/a"), (True, []))
        self.assertEqual(recall(kept, 0, "group/b"), (True, ["1"] * 3))
        keep(kept, say("1" * 9 * size, "group/d"), 6)
        self.assertEqual((len(kept), kept.held), (0, 0))

    def test_forgotten_groups(self) -> None:
        """Offsets of a group that was forgotten go on above those that it may have given."""
        kept = history(groups=1)
        for _ in range(5):
            keep(kept, say("1", "group/a"), 0)
        keep(kept, say("1", "group/b"), 1)
        kept.forget(20)
        self.assertEqual(recall(kept, 5, "group/a", 20), (True, []))
        self.assertEqual(recall(kept, 1, "group/b", 20), (True, []))
        self.assertEqual(keep(kept, say("2", "group/a"), 20).positions, (("group/a", at(6)),))
        self.assertEqual(recall(kept, 4, "group/a", 20), (False, []))
        self.assertEqual(recall(kept, 5, "group/a", 20), (True, ["2"]))


class HistoryMachine(RuleBasedStateMachine):
    """Some groups in one history, and all that was ever published to each."""

    groups = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        rules = [HistoryRule("a", 2, 5), HistoryRule("*", 4, 10)]
        self.history = history(rules, 6 * (KEPT_BYTES + 250), groups=1)
        self.published: dict[str, dict[int, str]] = {"a": {}, "b": {}, "c": {}}
        self.known: list[tuple[str, int]] = []
        """Groups and offsets that somebody may come back with."""
        self.count = 0
        self.now = 0.0

    @rule(group=groups, also=groups)
    def publish(self, group: str, also: str) -> None:
        self.count += 1
        message = say(f"{self.count}", f"group/{group}", (f"group/{also}", None))
        sent = keep(self.history, message, self.now)
        assert len(sent.positions) == len({group, also})
        for event, position in sent.positions:
            published = self.published[event.removeprefix("group/")]
            assert position.offset > max(published, default=0)
            published[position.offset] = f"{self.count}"

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def forget(self) -> None:
        self.history.forget(self.now)
        due = self.history.due()
        assert due is None or due > self.now

    @rule(group=groups)
    def look(self, group: str) -> None:
        position = ask(self.history, f"group/{group}", None, MIB, self.now).position
        assert position is not None
        assert position.offset >= max(self.published[group], default=0)
        self.known.append((group, position.offset))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """Whoever is told that it reaches back is told all that came since, in order."""
        group, offset = data.draw(st.sampled_from(self.known))
        reached, told = recall(self.history, offset, f"group/{group}", self.now)
        missed = [text for each, text in self.published[group].items() if each > offset]
        assert told == (missed if reached else [])

    @invariant()
    def bounded(self) -> None:
        assert self.history.held <= 6 * (KEPT_BYTES + 250)
        assert (self.history.held == 0) == (len(self.history) == 0)


class HistoryMachineTests(SynchronousTestCase):
    def test_machine(self) -> None:
        """Whatever happens, nobody is told that it reaches back where something is missing."""
        run_machine(HistoryMachine, 100, 40)
