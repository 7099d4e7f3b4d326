"""Clients of tpush.v1 that come back to a group."""

import json

import msgpack
from twisted.python.failure import Failure

from tests.pusher.recovery_case import NEWS, SPORT, RecoveryCase, at, message, recalled
from tests.pusher.websocket import TEXT, client_frame
from tpush.channel import codec
from tpush.channel.items import Recall
from tpush.errors import ChannelClosed, TooManySubscriptions
from tpush.limits import BATCH_BYTES, BOX
from tpush.message import Position, group_event, presence_event
from tpush.pusher.admission import Auth
from tpush.pusher.rights import Right, Rights
from tpush.pusher.v1.subscribing import MOST_PLACES, PAUSE
from tpush.recalled import Recalled


class RecoveryTests(RecoveryCase):
    """Who comes back is given what it has missed."""

    def test_positions(self) -> None:
        """Messages and acknowledgements say where they stand."""
        client = self.speaker()
        self.ask(client, type="subscribe", id=1, group="news")
        self.answer(recalled(3))
        self.live(4)
        subscribed, told = self.said(client)[1:]
        self.assertEqual(subscribed, {"type": "subscribed", "id": 1, "group": "news", **at(3)})
        self.assertEqual(told, {"type": "message", "group": "news", **at(4), "data": "4"})
        self.assertEqual(self.asked, [([(NEWS, None)], 512 * 1024)])

    def test_missed(self) -> None:
        """It is given that in order, and then what comes; not what came before the answer."""
        client = self.speaker()
        self.come_back(client, 3, id=1)
        self.assertEqual(self.subscribed, [NEWS])
        self.live(4)
        self.factory.fanout.send(message(5))
        self.answer(recalled(5, 3))
        self.live(6)
        subscribed = {"type": "subscribed", "id": 1, "group": "news", "recovered": True, **at(3)}
        self.assertEqual(self.got(client), [subscribed, "4", "5", "6"])
        self.assertEqual(self.asked[0][0], [(NEWS, Position("e", 3))])

    def test_out_of_reach(self) -> None:
        """Where the history does not reach back it is told so, and where it stands."""
        for told in recalled(9, 5), Recalled(Position("f", 3)), Recalled():
            client = self.speaker()
            self.come_back(client, 3)
            self.answer(told)
            [subscribed] = self.got(client)
            place = told.position
            known = {} if place is None else at(place.offset, place.epoch)
            expected = {"type": "subscribed", "group": "news", "recovered": False, **known}
            self.assertEqual(subscribed, expected)
            self.live(10)
            self.assertEqual(self.got(client)[1:], ["10"])

    def test_too_much(self) -> None:
        """More than half of what may wait for a client is out of reach, in all groups together."""
        self.start(Rights(Right.OPEN), pending=1_000)
        client = self.speaker()
        self.come_back(client, 0)
        self.answer(Recalled(Position("e", 1), (message(1, "x" * 450),)))
        self.assertFalse(self.got(client)[0]["recovered"])
        self.assertEqual(self.asked[0][1], 500)
        self.ask(client, type="subscribe", group="other")
        for group in "sport", "third":
            self.come_back(client, 0, group)
        self.answer(Recalled())
        kept = [message(1, "x" * 300, group_event(group)) for group in ("sport", "third")]
        self.answer(*(Recalled(Position("e", 1), (one,)) for one in kept))
        told = [said["recovered"] for said in self.said(client) if "recovered" in said]
        self.assertEqual(told, [False, True, False])

    def test_together(self) -> None:
        """Several who come back are answered by one question, from the oldest on, each its own."""
        first = self.speaker()
        self.ask(first, type="subscribe", group="other")
        clients = [self.speaker() for _ in range(4)]
        for client, offset in zip(clients, (7, 5, 6, 2), strict=True):
            self.come_back(client, offset)
        self.ask(clients[0], type="subscribe", group="sport")
        self.ask(clients[0], type="subscribe", group="news2", since=at(5, "f"))
        self.answer(Recalled())
        self.assertEqual(
            self.asked[1][0],
            [
                (NEWS, Position("e", 2)),
                (SPORT, None),
                (group_event("news2"), Position("f", 5)),
            ],
        )
        self.answer(recalled(8, 4), Recalled(), Recalled())
        missed = [[said for said in self.got(client) if type(said) is str] for client in clients]
        self.assertEqual(missed, [["8"], ["6", "7", "8"], ["7", "8"], []])
        self.assertEqual(
            [self.got(client)[0]["recovered"] for client in clients], [True] * 3 + [False]
        )
        self.assertEqual(self.waiting, [])

    def test_many(self) -> None:
        """What is asked at once has room in a box; what is too much is asked after it."""
        self.start(Rights(Right.OPEN), groups=MOST_PLACES + 3, client_frames=0)
        client = self.speaker()
        groups = [f"{number:04}" + "x" * 190 for number in range(MOST_PLACES + 2)]
        requests = [{"type": "subscribe", "group": each, "since": at(5)} for each in groups]
        client.send(b"".join(client_frame(TEXT, json.dumps(each).encode()) for each in requests))
        for _ in range(3):
            self.answer(*[Recalled()] * len(self.asked[-1][0]))
        asked = [places for places, _ in self.asked]
        self.assertEqual([len(places) for places in asked], [1, MOST_PLACES, 1])
        self.assertEqual(len(self.said(client)), 1 + len(groups))
        longest = [(event, Position("e" * 64, 2**53 - 1)) for event, _ in asked[1]]
        [(_, items)] = codec.pack_requests([(2**53, Recall(longest, 2**30))])
        self.assertLess(len(msgpack.packb(items)), BOX - BATCH_BYTES)

    def test_epochs(self) -> None:
        """Who comes from another epoch spoils nothing for the rest."""
        first, old, new = self.speaker(), self.speaker(), self.speaker()
        self.ask(first, type="subscribe", group="other")
        self.ask(old, type="subscribe", group="news", since=at(1, "before"))
        self.come_back(new, 3)
        self.answer(Recalled())
        self.assertEqual(
            [place for _, place in self.asked[1][0]], [Position("before", 1), Position("e", 3)]
        )
        self.answer(recalled(4), recalled(4, 2))
        self.assertFalse(self.got(old)[0]["recovered"])
        self.assertEqual(self.got(new)[1:], ["4"])

    def test_except(self) -> None:
        """What was not for it is not given to it."""
        client, other = self.speaker("vip"), self.speaker()
        for each in client, other:
            self.come_back(each, 1)
        self.answer(Recalled())
        for _ in range(2):
            if self.waiting:
                self.answer(
                    Recalled(
                        Position("e", 3),
                        (message(2, but=[(group_event("vip"), None)]), message(3)),
                    )
                )
        self.assertEqual(self.got(other)[1:], ["2", "3"])

    def test_except_of_several(self) -> None:
        """Nor what was not for another group that it comes back to, in whichever order it asks."""
        vip = group_event("vip")
        kept = Recalled(Position("e", 3), (message(2, but=[(vip, None)]), message(3)))
        for groups in ("news", "vip"), ("vip", "news"):
            client = self.speaker()
            for group in groups:
                self.come_back(client, 1, group)
            while self.waiting:
                [(event, _)] = self.asked[-1][0]
                self.answer(kept if event == NEWS else recalled(1, event=vip))
            said = [each for each in self.got(client) if isinstance(each, str)]
            self.assertEqual(said, ["3"])

    def test_in_it_already(self) -> None:
        """Who is in the group cannot come back to it; who is about to be is told what it missed."""
        client = self.speaker("news")
        self.assertError(
            self.ask(client, type="subscribe", group="news", since=at(1)), "bad-request"
        )
        for name in 1, 2:
            self.come_back(client, 1, "sport", id=name)
        for _ in 1, 2:
            self.answer(recalled(2, 1, SPORT))
        first, missed, second = self.got(client)[1:]
        self.assertEqual((first["recovered"], missed, second["recovered"]), (True, "2", False))
        self.assertEqual(self.subscribed, [NEWS, SPORT])

    def test_joined_meanwhile(self) -> None:
        """Whom a back end has put in before the answer is not given what it may have had."""
        client = self.speaker()
        self.come_back(client, 3)
        assert client.connection.connection is not None
        self.factory.groups.join(client.connection.connection, NEWS)
        self.live(4)
        self.answer(recalled(4, 1))
        told, subscribed = self.got(client)
        self.assertEqual((told, subscribed["recovered"]), ("4", False))
        self.assertEqual(self.subscribed, [NEWS])

    def test_joined_for_a_while(self) -> None:
        """Nor is one whom it has put in and out again; another one who waits is."""
        clients = self.speaker(), self.speaker()
        self.come_back(clients[0], 3)
        self.answer(recalled(3))
        for client in clients:
            self.ask(client, type="unsubscribe", group="news")
            self.come_back(client, 3)
        number = clients[0].connection.connection
        assert number is not None
        self.factory.groups.join(number, NEWS)
        self.live(4)
        self.factory.groups.leave(number, NEWS)
        for _ in clients:
            self.answer(recalled(4, 1))
        (*_, told, first), (*_, second, missed) = map(self.got, clients)
        self.assertEqual((told, first["recovered"]), ("4", False))
        self.assertEqual((second["recovered"], missed), (True, "4"))

    def test_pause(self) -> None:
        """Who asks again and again leaves time to others; an answer without messages takes none."""
        client, other = self.speaker(), self.speaker()
        for _ in range(2):
            self.come_back(client, 0)
            self.ask(client, type="unsubscribe", group="news")
        self.ask(other, type="subscribe", group="sport")
        self.waiting.pop().callback([recalled(10, 10)])
        self.clock.advance(PAUSE * 9.9)
        self.assertEqual(self.waiting, [])
        self.clock.advance(PAUSE * 0.2)
        self.come_back(client, 0)
        self.answer(Recalled())
        self.assertEqual(len(self.waiting), 1)

    def test_wrong(self) -> None:
        """What is no position is an error."""
        client = self.speaker()
        for since in (
            5,
            {},
            {"epoch": 1, "offset": 1},
            {"epoch": "e"},
            at(-1),
            at(1, ""),
            at(1, "e" * 65),
            at(1, "\ud800"),
            at(2**53),
        ):
            answers = self.ask(client, type="subscribe", id=1, group="news", since=since)
            self.assertError(answers, "bad-request", 1)
        for offset in True, 1.0, "1":
            said = {"epoch": "e", "offset": offset}
            self.assertError(
                self.ask(client, type="subscribe", group="n", since=said), "bad-request"
            )
        self.assertEqual(self.subscribed, [])

    def test_rights(self) -> None:
        """Who may not join does not come back either, and holds nothing."""
        self.start(Rights(), Auth.REQUIRED)
        client = self.speaker(sub="ann", groups=["news"])
        self.assertError(self.ask(client, type="subscribe", group="x", since=at(1)), "forbidden")
        self.assertError(
            self.ask(client, type="subscribe", group="n" * 200, since=at(1)), "bad-request"
        )
        self.assertEqual(self.subscribed, ["user/ann"])

    def test_no_room(self) -> None:
        """Where there is no room, at once or when the answer comes, it is told so."""
        self.start(Rights(Right.OPEN), groups=2)
        client = self.speaker("a", "b")
        self.come_back(client, 1, id=1)
        self.answer(recalled(1))
        self.assertError(self.got(client), "too-many-groups", 1)
        self.assertNotIn(NEWS, self.subscribed)
        self.error = TooManySubscriptions("full")
        self.assertError(self.ask(client, type="subscribe", group="news", since=at(1)), "try-later")


class HeldTests(RecoveryCase):
    """Until it has joined, its group comes here, whatever others do."""

    def test_others_leave(self) -> None:
        """The last member leaves while somebody comes back."""
        member, client = self.speaker("news"), self.speaker()
        self.come_back(client, 3)
        member.lose()
        self.assertEqual(self.subscribed, [NEWS])
        self.answer(recalled(3))
        self.live(4)
        self.assertEqual(self.got(client)[1:], ["4"])
        client.lose()
        self.assertEqual(self.subscribed, [])

    def test_presence(self) -> None:
        """What it will be told of who is there comes here too, before it is told so."""
        self.start(Rights(Right.OPEN), presence=["news"])
        client, other = self.speaker(), self.speaker()
        for each in client, other:
            self.ask(each, type="subscribe", group="news", presence=True)
        self.assertEqual(self.subscribed, [NEWS, presence_event("news")])
        other.lose()
        self.answer(Recalled())
        self.assertEqual(self.subscribed, [NEWS, presence_event("news")])
        self.ask(client, type="unsubscribe", group="news")
        self.assertEqual(self.subscribed, [])

    def test_no_room_for_presence(self) -> None:
        """Where there is no room for the second of two, the first is not held either."""

        def full(event: str) -> None:
            if event == presence_event("news"):
                raise TooManySubscriptions("full")
            self.subscribed.append(event)

        self.patch(self, "subscribe", full)
        self.start(Rights(Right.OPEN), presence=["news"])
        client = self.speaker()
        answers = self.ask(client, type="subscribe", group="news", presence=True)
        self.assertError(answers, "try-later")
        self.assertEqual((self.subscribed, self.asked), ([], []))

    def test_gone(self) -> None:
        """Who is gone before the answer holds nothing, and is given nothing."""
        clients = [self.speaker() for _ in range(2)]
        for client in clients:
            self.come_back(client, 1)
        self.assertEqual(self.subscribed, [NEWS])
        for client in clients:
            client.lose()
        self.assertEqual(self.subscribed, [])
        self.answer(recalled(2, 1))
        self.assertEqual([self.got(client) for client in clients], [[], []])

    def test_cancelled(self) -> None:
        """Who unsubscribes before the answer is told of both."""
        first, client = self.speaker(), self.speaker()
        self.come_back(client, 1, id=1)
        self.come_back(client, 1, "sport", id=2)
        self.ask(first, type="subscribe", group="news")
        for group, name in ("news", 1), ("sport", 2):
            answers = self.ask(client, type="unsubscribe", id=3, group=group)
            self.assertError(answers[:1], "cancelled", name)
            self.assertEqual(answers[1:], [{"type": "unsubscribed", "id": 3, "group": group}])
        self.assertEqual(self.subscribed, [NEWS])
        before = len(client.frames)
        self.answer(recalled(2, 1))
        self.assertEqual(len(client.frames), before)

    def test_channel_closed(self) -> None:
        """Where no answer comes it is told so, and nothing is held."""
        client, later = self.speaker(), self.speaker()
        self.come_back(client, 1, id=1)
        self.come_back(later, 1, id=2)
        self.waiting.pop().errback(Failure(ChannelClosed("closed")))
        self.assertError(self.got(client), "try-later", 1)
        self.assertError(self.got(later), "try-later", 2)
        self.assertEqual(self.subscribed, [])
