"""Clients of the subprotocol tpush.v1."""

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from typing_extensions import override

from tests.channel.properties import cases
from tests.pusher.client import Client
from tests.pusher.group_case import GroupCase
from tests.pusher.websocket import BINARY, TEXT, client_frame
from tpush.errors import ChannelClosed, OutboxFull, TooManySubscriptions
from tpush.message import BROADCAST, ConnectionID, Message, group_event, user_event
from tpush.pusher.admission import Auth
from tpush.pusher.rights import Right, Rights
from tpush.pusher.v1.requests import Unread, Wrong, read_content, read_request
from tpush.recalled import Place, Recalled

V1 = "tpush.v1"


class V1Case(GroupCase):
    """Has clients that speak JSON."""

    def speaker(self, *groups: str, **claims: Any) -> Client:
        return self.client(*groups, protocols=V1, **claims)

    def ask(self, client: Client, **said: Any) -> list[dict[str, Any]]:
        """Send a request; return all that comes back."""
        before = len(client.frames)
        client.send(client_frame(TEXT, json.dumps(said).encode()))
        return self.said(client)[before:]

    def said(self, client: Client) -> list[dict[str, Any]]:
        """Return all that a client was told."""
        self.assertEqual({opcode for opcode, _ in client.frames}, {TEXT})
        return [json.loads(payload) for _, payload in client.frames]

    def assertError(self, answers: list[dict[str, Any]], code: str, name: Any = None) -> None:  # noqa: N802
        [answer] = answers
        self.assertEqual((answer["type"], answer["code"]), ("error", code))
        self.assertEqual(answer.get("id"), name)
        self.assertTrue(answer["reason"])


class WelcomeTests(V1Case):
    """Who offers the subprotocol is welcomed in it."""

    def test_welcome(self) -> None:
        """It says who the client is, and what it may do."""
        self.start(Rights(Right.OPEN), Auth.REQUIRED, groups=5, client_frames=9)
        client = self.speaker("news", sub="ann")
        self.assertIn(b"Sec-WebSocket-Protocol: tpush.v1", client.head)
        [welcome] = self.said(client)
        self.assertEqual(
            welcome,
            {
                "type": "welcome",
                "worker": 7,
                "connection": 1,
                "address": "7:1",
                "user": "ann",
                "groups": ["news"],
                "limits": {"message": 65_536, "frames": 9, "groups": 5},
            },
        )

    def test_choice(self) -> None:
        """It comes before the plain one, whichever is offered first; others are not answered."""
        for offered, chosen in (
            ("tpush.plain, tpush.v1", "tpush.v1"),
            ("tpush.v1, tpush.token.x", "tpush.v1"),
            ("tpush.v2, tpush.plain", "tpush.plain"),
        ):
            client = self.client(protocols=offered)
            self.assertIn(b"Sec-WebSocket-Protocol: " + chosen.encode(), client.head)
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.client(protocols="tpush.v2").head)


class MessageTests(V1Case):
    """A message says whom it was for, and what kind of content it has."""

    def test_messages(self) -> None:
        """JSON is JSON, text is text, and bytes are base64; plain clients get contents."""
        self.start(Rights(Right.OPEN), Auth.REQUIRED)
        client, plain = self.speaker("news", sub="änn"), self.client("news", sub="änn")
        group, user = group_event("news"), user_event("änn")
        for message in (
            Message(group, b'{"a": 1}', json=True),
            Message(user, 'say "hé"\n'.encode()),
            Message(BROADCAST, b"\xff\0", text=False),
            Message("worker/7", b"private", connection=ConnectionID(1)),
        ):
            self.factory.fanout.send(message)
        self.factory.fanout.flush()
        self.assertEqual(
            self.said(client)[1:],
            [
                {"type": "message", "group": "news", "data": {"a": 1}},
                {"type": "message", "user": "änn", "data": 'say "hé"\n'},
                {"type": "message", "broadcast": True, "base64": "/wA="},
                {"type": "message", "connection": True, "data": "private"},
            ],
        )
        self.assertEqual(
            plain.frames[1:],
            [(TEXT, b'{"a": 1}'), (TEXT, 'say "hé"\n'.encode()), (BINARY, b"\xff\0")],
        )

    def test_several_targets(self) -> None:
        """A message for several says the first of them that the client is in."""
        client = self.speaker("b", "c")
        targets = [(group_event(name), None) for name in "bc"]
        self.factory.fanout.send(Message(group_event("a"), b"1", also=tuple(targets)))
        self.factory.fanout.flush()
        self.assertEqual(self.said(client)[1:], [{"type": "message", "group": "b", "data": "1"}])


class RequestTests(V1Case):
    """Each request is answered, by its id."""

    def test_subscribe(self) -> None:
        """A client subscribes and unsubscribes, and is told so."""
        client = self.speaker()
        answer = self.ask(client, type="subscribe", id=1, group="news", more="ignored")
        self.assertEqual(answer, [{"type": "subscribed", "id": 1, "group": "news"}])
        self.send(group_event("news"), "hello")
        self.assertEqual(self.said(client)[-1]["data"], "hello")
        answer = self.ask(client, type="unsubscribe", id="b", group="news")
        self.assertEqual(answer, [{"type": "unsubscribed", "id": "b", "group": "news"}])
        self.assertEqual(self.ask(client, type="ping"), [{"type": "pong"}])
        self.assertEqual(self.subscribed, [])

    def test_publish(self) -> None:
        """What it publishes is JSON, or bytes."""
        client = self.speaker()
        answer = self.ask(client, type="publish", id=1, group="news", data={"é": [1]})
        self.assertEqual(answer, [{"type": "published", "id": 1, "group": "news"}])
        self.ask(client, type="publish", group="news", base64="/wA=")
        event = group_event("news")
        self.assertEqual(self.published, [(event, '{"é":[1]}', True), (event, b"\xff\0", False)])

    def test_rights(self) -> None:
        """What it may not do is an error, and no close."""
        self.start(Rights(), Auth.REQUIRED)
        client = self.speaker(sub="ann", groups=["news"])
        answers = self.ask(client, type="subscribe", id=1, group="sport")
        self.assertError(answers, "forbidden", 1)
        answers = self.ask(client, type="publish", id=2, group="news", data=1)
        self.assertError(answers, "forbidden", 2)
        [answer] = self.ask(client, type="subscribe", id=3, group="news")
        self.assertEqual(answer["type"], "subscribed")

    def test_bounds(self) -> None:
        """Too many groups, a name that is none, and no room, are told apart."""
        self.start(Rights(Right.OPEN, Right.OPEN), groups=1)
        client = self.speaker()
        answers = self.ask(client, type="subscribe", id=1, group="x" * 200)
        self.assertError(answers, "bad-request", 1)
        self.error = TooManySubscriptions("full")
        self.assertError(self.ask(client, type="subscribe", id=2, group="a"), "try-later", 2)
        self.error = OutboxFull("full")
        answers = self.ask(client, type="publish", id=3, group="a", data=1)
        self.assertError(answers, "try-later", 3)
        self.error = None
        self.ask(client, type="subscribe", group="a")
        self.assertError(self.ask(client, type="subscribe", id=4, group="b"), "too-many-groups", 4)

    def test_wrong(self) -> None:
        """What is no request is an error; the next one is served."""
        client = self.speaker()
        for said, code, name in (
            ({"id": 1}, "unknown-type", 1),
            ({"id": 2, "type": "dance"}, "unknown-type", 2),
            ({"id": 3, "type": ["ping"]}, "unknown-type", 3),
            ({"id": 4, "type": "subscribe"}, "bad-request", 4),
            ({"id": 5, "type": "subscribe", "group": ""}, "bad-request", 5),
            ({"id": 6, "type": "publish", "group": "x"}, "bad-request", 6),
            ({"id": 7, "type": "publish", "group": "x", "data": 1, "base64": ""}, "bad-request", 7),
            ({"id": 8, "type": "publish", "group": "x", "base64": "?"}, "bad-request", 8),
            ({"id": 9, "type": "publish", "group": "x", "base64": 1}, "bad-request", 9),
            ({"id": 10, "type": "publish", "group": "x", "data": "\ud800"}, "bad-request", 10),
            ({"id": 11, "type": "publish", "group": "x", "data": float("nan")}, "bad-request", 11),
            ({"id": True, "type": "ping"}, "bad-request", None),
            ({"id": 2**53, "type": "ping"}, "bad-request", None),
            ({"id": "x" * 65, "type": "ping"}, "bad-request", None),
        ):
            self.assertError(self.ask(client, **said), code, name)
        for opcode, payload in ((TEXT, b"hello"), (TEXT, b"[1]"), (BINARY, b'{"type":"ping"}')):
            before = len(client.frames)
            client.send(client_frame(opcode, payload))
            self.assertError(self.said(client)[before:], "bad-request")
        self.assertEqual(self.ask(client, type="ping", id=5), [{"type": "pong", "id": 5}])
        self.assertEqual((self.published, self.subscribed), ([], []))

    @cases(200)
    @given(
        st.dictionaries(
            st.sampled_from(["type", "id", "group", "data", "base64", "x"]),
            st.none() | st.booleans() | st.integers() | st.text(max_size=5)
            | st.sampled_from(["subscribe", "unsubscribe", "publish", "ping", "/wA="])
            | st.lists(st.integers(), max_size=2),
        ) | st.integers()
    )  # fmt: skip
    def test_any_json(self, said: Any) -> None:
        """Any JSON is a request or is refused, and what is to be published can be."""
        try:
            request = read_request(json.dumps(said).encode(), text=True)
        except Wrong as wrong:
            self.assertTrue(wrong.code and str(wrong))
            return
        if isinstance(request.command, Unread):
            with contextlib.suppress(Wrong):
                content = read_content(request.command, 1)
                if content.json:
                    self.assertEqual(json.loads(content.message), said["data"])


class AcknowledgementTests(V1Case):
    """A subscription is acknowledged when the channel knows it."""

    @override
    def setUp(self) -> None:
        self.known: list[Deferred[Sequence[Recalled]]] = []
        super().setUp()

    @override
    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        self.known.append(Deferred())
        return self.known[-1]

    def test_known(self) -> None:
        """Not before, and other requests do not wait for it."""
        client = self.speaker()
        self.assertEqual(self.ask(client, type="subscribe", id=1, group="news"), [])
        self.assertEqual(len(self.ask(client, type="ping", id=2)), 1)
        self.known.pop().callback([Recalled()])
        self.assertEqual(self.said(client)[-1], {"type": "subscribed", "id": 1, "group": "news"})

    def test_going_away(self) -> None:
        """Where it never will, the client is told so; one that is gone is not."""
        client, gone = self.speaker(), self.speaker()
        self.ask(client, type="subscribe", id=1, group="news")
        self.ask(gone, type="subscribe", id=1, group="news")
        gone.lose()
        for known in self.known:
            known.errback(Failure(ChannelClosed("closed")))
        self.assertError(self.said(client)[-1:], "try-later", 1)
        self.assertEqual(len(gone.frames), 1)

    def test_together(self) -> None:
        """Those who ask while one waits are answered together, by the next answer."""
        clients = [self.speaker() for _ in range(3)]
        for client in clients:
            self.ask(client, type="subscribe", id=1, group="news")
        self.assertEqual(len(self.known), 1)
        self.known[0].callback([Recalled()])
        self.assertEqual([len(client.frames) for client in clients], [2, 1, 1])
        self.known[1].callback([Recalled()])
        self.assertEqual([len(client.frames) for client in clients], [2, 2, 2])
        self.assertEqual(len(self.known), 2)

    def test_bound(self) -> None:
        """While the channel is away a client waits for as many as it may be in groups."""
        self.start(Rights(Right.OPEN), groups=3)
        client = self.speaker()
        answers = [self.ask(client, type="subscribe", id=n, group="news") for n in range(5)]
        self.assertEqual(answers[:3], [[], [], []])
        self.assertError(answers[3], "try-later", 3)
        client.lose()
        self.known[0].callback([Recalled()])
        self.assertEqual(len(self.known), 1)
