"""The last messages of groups are there for those who come back."""

from collections.abc import Mapping, Sequence

from tests.channel.cluster import forget
from tests.channel.contract.case import ContractCase
from tpush.channel.history import HistoryRule
from tpush.errors import InvalidAddress, InvalidName
from tpush.interfaces import IChannel
from tpush.message import Message, Position
from tpush.recalled import Recalled

HISTORY = (HistoryRule("room*", 100, 60),)
ROOM, HALL = "group/room", "group/hall"


class History(ContractCase):
    """The last messages of groups are there for those who come back."""

    def recall(self, channel: IChannel, **places: Position | None) -> Mapping[str, Recalled]:
        """Return what is told of groups, by name."""
        known = [(f"group/{name}", place) for name, place in places.items()]
        asked = channel.recall(known, 1_000)
        self.settle()
        told: Sequence[Recalled] = self.successResultOf(asked)
        return dict(zip(places, told, strict=True))

    def test_positions(self) -> None:
        """Messages of a group that keeps history have positions in it, and others none."""
        a = self.made()
        _b, got = self.listener(ROOM, HALL)
        a.publish(ROOM, "1")
        a.publish(HALL, "2")
        a.publish(ROOM, "3", json=True)
        self.settle()
        first, second, third = got
        place = first.position(ROOM)
        assert place is not None
        self.assertEqual(place.offset, 1)
        self.assertEqual(second.positions, ())
        self.assertEqual(third.positions, ((ROOM, place._replace(offset=2)),))

    def test_recall(self) -> None:
        """What was published after a position is told, as it was published."""
        a = self.made()
        a.publish(ROOM, "1")
        a.publish(ROOM, b"\xff", also=[(HALL, None)], but=[("user/ann", None)])
        a.publish(ROOM, "3", json=True)
        self.settle()
        newest = self.recall(a, room=None, hall=None)
        place = newest["room"].position
        assert place is not None
        self.assertEqual(place.offset, 3)
        self.assertEqual(newest["hall"], Recalled())
        told = self.recall(a, room=place._replace(offset=1))["room"]
        second, third = ((ROOM, place._replace(offset=offset)) for offset in (2, 3))
        but = (("user/ann", None),)
        self.assertEqual(
            told.messages,
            (
                Message(ROOM, b"\xff", text=False, but=but, positions=(second,)),
                Message(ROOM, b"3", json=True, positions=(third,)),
            ),
        )
        self.assertEqual(told.position, place)

    def test_out_of_reach(self) -> None:
        """A position of another epoch, and more than may be sent, are told to be out of reach."""
        a = self.made()
        a.publish(ROOM, "x" * 1_001)
        self.settle()
        place = self.recall(a, room=None)["room"].position
        assert place is not None
        for since in Position("another", 0), place._replace(offset=0):
            self.assertEqual(self.recall(a, room=since)["room"], Recalled(place))
        self.assertEqual(self.recall(a, room=place)["room"].since(place), ())

    def test_what_is_no_place(self) -> None:
        """What nothing can be told of is refused, and harms nobody."""
        a = self.made()
        known = Position("e", 1)
        for error, places in (
            (InvalidName, [("", None)]),
            (InvalidName, [(ROOM, Position("", 1))]),
            (InvalidName, [(ROOM, Position("\ud800", 1))]),
            (InvalidAddress, [(ROOM, known._replace(offset=-1))]),
            (InvalidAddress, [(ROOM, known._replace(offset=2**53))]),
            (InvalidAddress, [(ROOM, None), (HALL, None), (ROOM, None)]),
            (InvalidAddress, [(ROOM, known), (ROOM, known._replace(offset=2))]),
        ):
            self.assertRaises(error, a.recall, places, 1_000)
        both = a.recall([(ROOM, None), (ROOM, known), (HALL, known)], 1_000)
        self.settle()
        self.assertEqual(len(self.successResultOf(both)), 3)

    def test_seam(self) -> None:
        """What comes after an answer is what was published after what it tells."""
        a, told = self.made(), list[Recalled]()
        place = self.recall(a, room=None)["room"].position
        assert place is not None
        b, live = self.made(), list[Message]()

        def answered(recalled: Sequence[Recalled]) -> None:
            told.extend(recalled)
            live.clear()

        for number in range(30):
            a.publish(ROOM, f"{number}")
            if number == 10:
                b.subscribe(ROOM, live.append)
            if number == 20:
                forget(b.recall([(ROOM, place)], 1_000).addCallback(answered))
            self.clock.run(0.0001 if number % 3 else 0.01)
        self.settle()
        offsets = [message.position(ROOM) for message in (*told[0].messages, *live)]
        self.assertEqual([each and each.offset for each in offsets], list(range(1, 31)))

    def test_repeated_key(self) -> None:
        """A publish that is not sent again has no second place."""
        a = self.made()
        for _ in range(2):
            a.publish(ROOM, "1", key="k")
        self.settle()
        place = self.recall(a, room=None)["room"].position
        self.assertEqual(place and place.offset, 1)
