"""Who comes to a group and who leaves it, as clients are told."""

import json
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.pusher.test_v1 import V1Case
from tpush.errors import OutboxFull
from tpush.message import BROADCAST, GONE, Message, group_event, presence_event
from tpush.pusher.admission import Auth
from tpush.pusher.presence import PresenceTelling, PresentGroups, tell_gone
from tpush.pusher.rights import Right, Rights

ROOM, IN_ROOM = group_event("room-1"), presence_event("room-1")
OPEN = Rights(Right.OPEN)
ROOMS = ["room-*", "hall"]


class PatternTests(SynchronousTestCase):
    """Which groups tell of their members."""

    def test_patterns(self) -> None:
        """Those of which a pattern fits the whole name."""
        groups = PresentGroups(ROOMS)
        self.assertTrue(all(name in groups for name in ("room-1", "room-", "hall")))
        self.assertFalse(any(name in groups for name in ("room", "hall-1", "a room-1")))
        self.assertEqual((bool(groups), bool(PresentGroups())), (True, False))


class WatchingTests(V1Case):
    """A client that asks for it is told."""

    def told(self, **said: Any) -> dict[str, Any]:
        return {"type": "presence", "group": "room-1", "data": said}

    def test_subscribe(self) -> None:
        """It joins the group, and what is told of that."""
        self.start(OPEN, presence=ROOMS)
        client, other = self.speaker(), self.speaker()
        answer = self.ask(client, type="subscribe", group="room-1", presence=True)
        self.assertEqual(answer, [{"type": "subscribed", "group": "room-1"}])
        self.ask(other, type="subscribe", group="room-1")
        self.assertEqual(self.subscribed, [ROOM, IN_ROOM])
        self.factory.fanout.send(Message(IN_ROOM, b'{"event":"join"}', json=True))
        self.send(ROOM, "hello")
        self.assertEqual(self.said(client)[2], self.told(event="join"))
        self.assertEqual([len(self.said(each)) for each in (client, other)], [4, 3])
        self.ask(client, type="unsubscribe", group="room-1")
        self.assertEqual(self.subscribed, [ROOM])

    def test_forbidden(self) -> None:
        """Not of groups that do not tell, nor of those that it may not join."""
        self.start(Rights(), Auth.REQUIRED, presence=ROOMS)
        client = self.speaker(sub="ann", groups=["news", "room-1"])
        for group in "news", "room-2":
            answer = self.ask(client, type="subscribe", group=group, presence=True)
            self.assertError(answer, "forbidden")
        answer = self.ask(client, type="subscribe", group="room-1", presence="yes")
        self.assertError(answer, "bad-request")
        self.assertEqual(self.subscribed, ["user/ann"])

    def test_no_room(self) -> None:
        """Who is in as many groups as it may be is told nothing, and holds nothing."""
        self.start(OPEN, presence=ROOMS, groups=2)
        client = self.speaker("news")
        answer = self.ask(client, type="subscribe", group="room-1", presence=True)
        self.assertError(answer, "too-many-groups")
        self.assertEqual(self.subscribed, [group_event("news")])

    def test_gone(self) -> None:
        """Those who are told of a group are told that a worker is gone, each group by itself."""
        self.start(OPEN, presence=ROOMS)
        client, other = self.speaker(), self.speaker("room-1")
        self.ask(client, type="subscribe", group="room-1", presence=True)
        gone = Message(GONE, b'{"worker": 5}', json=True)
        for message in tell_gone(gone, self.factory.audience):
            self.factory.fanout.send(message)
        self.factory.fanout.flush()
        self.assertEqual(self.said(client)[-1], self.told(event="gone", worker=5))
        self.assertEqual(len(other.frames), 1)


class PresenceTests(V1Case):
    """What is published of clients that come and go."""

    def start_telling(self, error: Exception | None = None) -> list[tuple[str, dict[str, Any]]]:
        told: list[tuple[str, dict[str, Any]]] = []

        def publish(event: str, said: str) -> None:
            if error is not None:
                raise error
            told.append((event, json.loads(said)))

        self.telling = PresenceTelling(PresentGroups(ROOMS), publish, self.clock)
        self.start(OPEN, Auth.OPTIONAL, ROOMS, self.telling)
        return told

    def test_comes_and_goes(self) -> None:
        """Its address and its user, once each time, whichever way; of groups that tell alone."""
        told = self.start_telling()
        client = self.speaker("room-1", "news", sub="ann")
        other = self.client()
        self.ask(client, type="subscribe", group="room-1")
        self.ask(client, type="subscribe", group="hall")
        self.ask(client, type="unsubscribe", group="hall")
        other.lose()
        client.lose()
        ann = {"address": "7:1", "user": "ann"}
        self.assertEqual(
            told,
            [
                (IN_ROOM, {"event": "join", **ann}),
                (presence_event("hall"), {"event": "join", **ann}),
                (presence_event("hall"), {"event": "leave", **ann}),
                (IN_ROOM, {"event": "leave", **ann}),
            ],
        )

    def test_nobody_told(self) -> None:
        """Where there is no room for it nobody is told, and the client joins all the same."""
        told = self.start_telling(OutboxFull("full"))
        client = self.speaker("room-1")
        self.send(ROOM, "hello")
        self.send(BROADCAST, "all")
        self.assertEqual(len(self.said(client)), 3)
        self.assertEqual(told, [])

    def test_log(self) -> None:
        """Where nobody can be told of many, the log does not say so of each."""
        self.start_telling(OutboxFull("full"))
        with capturedLogs() as events:
            for _ in range(3):
                self.speaker("room-1")
            self.telling.stop()
        self.assertEqual(
            [formatEvent(event) for event in events],
            ["nobody is told of a member: full", "2 more lines like these were left out"],
        )
