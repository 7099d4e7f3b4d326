"""Messages for several groups that keep history, and clients that come back to them."""

import json

from tests.pusher.recovery_case import NEWS, SPORT, RecoveryCase, at, message, recalled
from tests.pusher.websocket import TEXT, client_frame
from tpush.message import Message, Position
from tpush.pusher.admission import Auth
from tpush.pusher.rights import Right, Rights
from tpush.recalled import Recalled


class SeveralGroupsTests(RecoveryCase):
    """A message for several groups has a place in each, and comes once."""

    both = Message(
        NEWS,
        b"both",
        also=((SPORT, None),),
        positions=((NEWS, Position("e", 5)), (SPORT, Position("e", 9))),
    )

    def test_live(self) -> None:
        """Who is in both is told of both places; who is in one, of that alone."""
        clients = [self.speaker(*groups) for groups in (("news", "sport"), ("sport",), ("news",))]
        plain = self.client("sport")
        self.factory.fanout.send(self.both)
        self.factory.fanout.flush()
        said = [
            {k: v for k, v in self.said(client)[1].items() if k != "type"} for client in clients
        ]
        self.assertEqual(
            said,
            [
                {"group": "news", **at(5), "also": [{"group": "sport", **at(9)}], "data": "both"},
                {"group": "sport", **at(9), "data": "both"},
                {"group": "news", **at(5), "data": "both"},
            ],
        )
        self.assertEqual(plain.frames[1], (TEXT, b"both"))

    def test_of_a_user(self) -> None:
        """What is for a user and stands in the history of a group of his says so."""
        self.start(Rights(Right.OPEN), Auth.REQUIRED)
        client = self.speaker("news", sub="ann")
        place = ((NEWS, Position("e", 5)),)
        self.factory.fanout.send(Message("user/ann", b"1", also=((NEWS, None),), positions=place))
        self.factory.fanout.flush()
        also = [{"group": "news", **at(5)}]
        expected = {"type": "message", "user": "ann", "also": also, "data": "1"}
        self.assertEqual(self.said(client)[1], expected)

    def test_again(self) -> None:
        """Who comes back to both is told with the second of both places, and can pass it over."""
        client = self.speaker()
        requests = [
            {"type": "subscribe", "group": group, "since": at(offset)}
            for group, offset in (("news", 4), ("sport", 8))
        ]
        first = self.speaker()
        self.ask(first, type="subscribe", group="other")
        client.send(b"".join(client_frame(TEXT, json.dumps(each).encode()) for each in requests))
        self.answer(Recalled())
        kept = [self.both._replace(event=event, also=()) for event in (NEWS, SPORT)]
        self.answer(
            *(
                Recalled(place, (one,))
                for one, (_, place) in zip(kept, self.both.positions, strict=True)
            )
        )
        first_time, second = [each for each in self.said(client) if each["type"] == "message"]
        self.assertNotIn("also", first_time)
        self.assertEqual((second["group"], second["offset"]), ("sport", 9))
        self.assertEqual(second["also"], [{"group": "news", **at(5)}])

    def test_had_as_one_of_the_other(self) -> None:
        """Who has had it in the other group is told so at once, and can pass it over."""
        client, first = self.speaker(), self.speaker()
        self.ask(first, type="subscribe", group="other")
        for group, offset in ("news", 4), ("sport", 9):
            self.come_back(client, offset, group)
        self.answer(Recalled())
        self.answer(Recalled(Position("e", 5), (self.both,)), recalled(9, event=SPORT))
        [told] = [each for each in self.said(client) if each["type"] == "message"]
        self.assertEqual(told["also"], [{"group": "sport", **at(9)}])

    def test_not_had_as_one_of_the_other(self) -> None:
        """Who begins anew in the other is told so too: its place is not above where he began."""
        client, first = self.speaker(), self.speaker()
        self.ask(first, type="subscribe", group="other")
        self.ask(client, type="subscribe", group="sport")
        self.come_back(client, 4)
        self.answer(Recalled())
        self.answer(Recalled(Position("e", 9)), Recalled(Position("e", 5), (self.both,)))
        began, _, told = self.said(client)[1:]
        self.assertEqual((began["group"], began["offset"]), ("sport", 9))
        self.assertEqual((told["group"], told["offset"]), ("news", 5))
        self.assertEqual(told["also"], [{"group": "sport", **at(9)}])

    def test_cut_off_between(self) -> None:
        """Wherever it is cut off, it has had all up to the places that it was told of."""
        client, first = self.speaker(), self.speaker()
        self.ask(first, type="subscribe", group="other")
        for group, offset in ("news", 4), ("sport", 7):
            self.come_back(client, offset, group)
        self.answer(Recalled())
        before = message(8, event=SPORT)
        self.answer(
            Recalled(Position("e", 5), (self.both,)),
            Recalled(Position("e", 9), (before, self.both._replace(event=SPORT, also=()))),
        )
        seen: list[tuple[str, int]] = []
        for said in self.said(client)[1:]:
            if said["type"] == "message":
                places = [said, *said.get("also", ())]
                seen += [(each["group"], each["offset"]) for each in places]
        expected = [("news", 5), ("sport", 8), ("sport", 9), ("news", 5)]
        self.assertEqual(seen, expected)
