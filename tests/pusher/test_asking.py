"""A connect hook's say, for clients in memory."""

# ruff: noqa: N802 - assertions are named as trial's own

import json
import struct
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.hooks.post import FakePost
from tests.pusher.client import Client
from tests.pusher.websocket import CLOSE, TEXT, client_frame
from tpush.access import Origins
from tpush.forwarded import Proxies
from tpush.hooks.asking import ConnectHook
from tpush.limits import Limits
from tpush.message import Message, WorkerID, group_event, user_event
from tpush.metrics import PusherMetrics
from tpush.pusher.admission import Admission, Auth
from tpush.pusher.arriving import MAX_HEAD
from tpush.pusher.asking import Asking
from tpush.pusher.closing import GOING_AWAY
from tpush.pusher.factory import PusherFactory
from tpush.tokens import TokenKeys

SECRET = "a secret of at least thirty-two bytes"
PAGE = b"http://localhost"


class AskingTests(SynchronousTestCase):
    """Nobody gets in before the hook has said so."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.post = FakePost()
        self.metrics = PusherMetrics()
        self.start()

    def start(self, auth: Auth = Auth.NONE, **limits: Any) -> None:
        secret = Path(self.mktemp())
        secret.write_text(SECRET)
        secret.chmod(0o600)
        self.limits = replace(Limits(ping_interval=0), **limits)
        hook = ConnectHook(self.post, self.clock, self.limits, lambda: "msg_1")
        self.factory = PusherFactory(
            WorkerID(7),
            self.clock,
            self.limits,
            Admission(Origins(), auth, TokenKeys(str(secret))),
            proxies=Proxies(["10.0.0.0/8"]),
            metrics=self.metrics,
            asking=Asking(hook, self.clock, self.metrics, lambda: 1.5),
        )

    def client(self, path: bytes = b"/", **options: Any) -> Client:
        client = Client(self.factory).open(path=path, **options)
        self.assertEqual(client.transport.value(), b"")
        return client

    def answer(self, **said: Any) -> None:
        self.post.answer(json.dumps(said).encode())

    @property
    def question(self) -> dict[str, Any]:
        """What was asked last."""
        return dict(json.loads(self.post.sent[-1][1]))

    def assertClosed(self, client: Client, code: int, reason: str = "") -> None:
        """A page was taken in and closed at once, and was never greeted."""
        self.assertIn(b"101 Switching", client.head)
        ((opcode, payload),) = client.frames
        self.assertEqual((opcode, *struct.unpack("!H", payload[:2])), (CLOSE, code))
        self.assertIn(reason, payload[2:].decode())
        self.assertEqual(len(self.factory.audience), 0)

    def assertRefused(self, client: Client, status: int, text: bytes) -> None:
        """A program was told, and its connection ended."""
        answer = client.transport.value()
        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
        self.assertIn(text, answer)
        self.assertTrue(client.gone)
        self.assertEqual(len(self.factory.audience), 0)

    def assertNothingLeft(self, clients: Sequence[Client] = ()) -> None:
        """Nothing is kept of those who are gone."""
        for client in clients:
            client.lose()
        self.clock.advance(0)
        self.assertEqual(self.post.waiting, [])
        self.assertEqual(len(self.factory.audience), 0)
        self.assertEqual((self.factory.room._all, self.factory.room._opening), (0, 0))
        self.clock.advance(1)  # a line in the log
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def got(self, client: Client, event: str) -> bool:
        """Say whether a client has what is published to an event."""
        before = len(client.frames)
        self.factory.fanout.send(Message(event, b"x"))
        self.clock.advance(0)
        return len(client.frames) > before

    def test_question(self) -> None:
        """It is told who wants to connect, and never the token."""
        self.start(Auth.REQUIRED)
        token = jwt.encode({"sub": "ann", "groups": ["a"]}, SECRET, "HS256")
        client = Client(self.factory, IPv4Address("TCP", "10.0.0.1", 1))
        path = f"/room/7?token={token}&x=1&x=2&group=a&token=again".encode()
        client.open(path=path, origin=PAGE, headers=[b"X-Forwarded-For: 192.0.2.7"])
        self.assertEqual(
            self.question,
            {
                "type": "connect", "time": 1.5, "address": "192.0.2.7", "origin": PAGE.decode(),
                "path": "/room/7", "query": {"x": ["1", "2"], "group": ["a"]}, "user": "ann",
            },
        )  # fmt: skip
        self.answer()
        self.assertEqual(len(client.frames), 1)
        self.assertTrue(self.got(client, group_event("a")))
        self.assertTrue(self.got(client, user_event("ann")))

    def test_asked_last(self) -> None:
        """Who is refused without it is not asked about."""
        self.start(Auth.REQUIRED)
        self.assertIn(b" 401 ", Client(self.factory).open().head)
        self.assertIn(b" 403 ", Client(self.factory).open(origin=b"http://else.where").head)
        page = Client(self.factory).open(origin=PAGE)
        self.assertEqual(page.frames[0][0], CLOSE)
        self.assertEqual(self.post.sent, [])

    def test_allowed(self) -> None:
        """Who is allowed is greeted, and nothing else."""
        client = self.client()
        self.assertEqual(self.question["user"], None)
        self.answer(allow=True)
        self.assertEqual(client.frames[0], (TEXT, b"workerID:7 connectionID:1 connected\n"))
        self.assertNothingLeft([client])

    def test_user_and_groups(self) -> None:
        """It names the user, and puts clients into groups that no token names."""
        client = self.client()
        self.answer(user="ann", groups=["vip", "news"])
        for event in (user_event("ann"), group_event("vip"), group_event("news")):
            self.assertTrue(self.got(client, event))
        self.assertFalse(self.got(client, group_event("other")))
        for cmd in ("leave_group", "add_group"):  # by default: what the token names
            said = json.dumps({"cmd": cmd, "group_id": "vip"})
            client.send(client_frame(TEXT, said.encode()))
        self.assertTrue(self.got(client, group_event("vip")))
        self.assertNothingLeft([client])

    def test_another_user(self) -> None:
        """Its word about the user counts more than the token's."""
        self.start(Auth.REQUIRED)
        token = jwt.encode({"sub": "ann"}, SECRET, "HS256")
        client = self.client(f"/?token={token}".encode())
        self.answer(user="bob")
        self.assertTrue(self.got(client, user_event("bob")))
        self.assertFalse(self.got(client, user_event("ann")))

    def test_refused(self) -> None:
        """Who is refused is told why: a program by a status, a page by a close code."""
        program, page = self.client(), self.client(origin=PAGE)
        for _ in range(2):
            self.answer(allow=False, reason="not today\r\nX: y", user="ann", groups=["a"])
        self.assertRefused(program, 403, b"not today??X: y")
        self.assertClosed(page, 4503, "not today??X: y")
        self.assertEqual(self.metrics.turned_away, 2)
        self.assertNothingLeft([program, page])

    def test_a_long_reason(self) -> None:
        """A reason is cut to what a close frame holds."""
        page = self.client(origin=PAGE)
        self.answer(allow=False, reason="é" * 500)
        self.assertClosed(page, 4503, "?" * 123)
        page = self.client(origin=PAGE)
        self.answer(allow=False)
        self.assertClosed(page, 4503, "may not connect")

    def test_failed(self) -> None:
        """Where the hook fails nobody gets in, and may come back later."""
        program, page = self.client(), self.client(origin=PAGE)
        self.post.fail()
        self.post.answer(b"no JSON")
        self.assertRefused(program, 503, b"Retry-After")
        self.assertClosed(page, 1013)
        self.assertEqual((self.metrics.unanswered, self.metrics.turned_away), (2, 0))
        self.assertNothingLeft([program, page])

    def test_too_late(self) -> None:
        """The same where it does not answer in time."""
        program, page = self.client(), self.client(origin=PAGE)
        self.clock.advance(self.limits.connect_hook_wait)
        self.assertRefused(program, 503, b"")
        self.assertClosed(page, 1013)
        self.assertEqual(self.post.cancelled, 2)
        self.assertNothingLeft([program, page])

    def test_gone(self) -> None:
        """A client that is gone is asked about no more, and its answer changes nothing."""
        client = self.client(origin=PAGE)
        client.lose()
        self.assertEqual(self.post.cancelled, 1)
        self.assertNothingLeft()
        self.assertEqual(client.transport.value(), b"")

    def test_answered_after_the_end(self) -> None:
        """An answer between the end of a handshake and that of its connection opens nothing."""
        for said in ({}, {"allow": False}):
            client = self.client()
            client.send(b"x" * (MAX_HEAD + 1))
            self.assertIn(b" 431 ", client.head)
            before = client.transport.value()
            self.answer(**said)
            self.assertEqual(client.transport.value(), before)
            self.assertNothingLeft([client])

    def test_the_deadline_of_a_handshake(self) -> None:
        """It holds while the hook is asked."""
        self.start(greeting=2, connect_hook_wait=50)
        client = self.client()
        self.clock.advance(2)
        self.assertTrue(client.transport.disconnected)
        self.answer()
        self.assertEqual(client.transport.value(), b"")
        self.assertNothingLeft([client])
        self.assertEqual(self.metrics.late, 1)

    def test_early_frames(self) -> None:
        """What a client sends too early waits; another handshake in it is none."""
        client = self.client()
        client.send(client_frame(TEXT, b'{"cmd":"leave_group","group_id":"x"}'))
        self.assertEqual(len(self.post.sent), 1)
        self.answer()
        self.assertEqual(len(client.frames), 1)
        other = Client(self.factory).open()
        other.open()
        self.assertEqual(len(self.post.sent), 2)
        self.answer()
        self.assertEqual(other.transport.value().count(b"101 Switching"), 1)

    def test_a_token_that_runs_out(self) -> None:
        """The time of a token goes on while the hook is asked."""
        self.start(Auth.REQUIRED)
        token = jwt.encode({"sub": "ann", "exp": time.time() + 10}, SECRET, "HS256")
        client = self.client(f"/?token={token}".encode())
        self.clock.advance(4)
        self.answer()
        self.clock.advance(5)
        self.assertEqual(len(client.frames), 1)
        self.clock.advance(1.5)
        self.assertEqual(client.frames[-1][0], CLOSE)

    def test_a_worker_that_ends(self) -> None:
        """A client that is asked about gets in, and is told at once that the worker goes."""
        client = self.client()
        client.connection.leave(GOING_AWAY)
        self.answer()
        self.assertClosed(client, 1001)

    def test_handshakes_have_a_bound(self) -> None:
        """Those who are asked about count as handshakes."""
        self.start(handshakes=2)
        clients = [self.client(), self.client()]
        self.assertFalse(self.factory.room.may_arrive())
        self.answer()
        self.assertTrue(self.factory.room.may_arrive())
        self.answer()
        self.assertNothingLeft(clients)
