"""Who may connect, by where a page is from and by token: what each client sees."""

import struct
import time
from pathlib import Path
from typing import Any

import jwt
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.pusher.client import Client
from tests.pusher.websocket import CLOSE
from tpush.access import Origins
from tpush.limits import Limits
from tpush.message import BROADCAST, Message, WorkerID
from tpush.pusher.admission import Admission, Auth
from tpush.pusher.closing import GOING_AWAY, TABLE
from tpush.pusher.factory import PusherFactory
from tpush.tokens import TokenKeys

SECRET = b"a secret of thirty-two bytes, or so"
PAGE = b"http://localhost:8000"


def token(key: bytes = SECRET, **claims: Any) -> bytes:
    return jwt.encode(claims, key, algorithm="HS256").encode()


class AdmissionTests(SynchronousTestCase):
    """A pusher with a secret for tokens."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        path = Path(self.mktemp())
        path.write_bytes(SECRET)
        path.chmod(0o600)
        self.keys = TokenKeys(str(path))
        self.factory = self.make(Auth.REQUIRED)

    def make(self, auth: Auth) -> PusherFactory:
        admission = Admission(Origins(), auth, self.keys)
        limits = Limits(ping_interval=0)
        return PusherFactory(WorkerID(7), self.clock, limits, admission)

    def bearing(self, token: bytes, **options: Any) -> Client:
        header = b"Authorization: Bearer " + token
        return Client(self.factory).open(headers=[header], **options)

    def assertGreeted(self, client: Client) -> None:  # noqa: N802
        self.assertEqual(client.frames[0][1][:11], b"workerID:7 ", client.transport.value())

    def assertRefused(self, client: Client, status: int, why: bytes) -> None:  # noqa: N802
        self.assertEqual(client.head.split()[1], b"%d" % status)
        body = client.transport.value().partition(b"\r\n\r\n")[2]
        self.assertIn(why, body)
        self.assertIn(b"Content-Length: %d" % len(body), client.head)
        self.assertTrue(client.gone)
        self.assertEqual(len(self.factory.audience), 0)

    def assertClosed(self, client: Client, code: int, why: bytes) -> None:  # noqa: N802
        self.assertTrue(client.head.startswith(b"HTTP/1.1 101 "), client.head)
        ((opcode, payload),) = client.frames
        self.assertEqual((opcode, payload[:2]), (CLOSE, struct.pack("!H", code)))
        self.assertIn(why, payload[2:])
        self.factory.fanout.send(Message(BROADCAST, b"for those that are in"))
        self.clock.advance(0)
        self.assertEqual(len(client.frames), 1)
        self.assertEqual(len(self.factory.audience), 0)

    def test_each_way(self) -> None:
        """A token comes in the Authorization header, among the subprotocols, or in the URL."""
        good = token(sub="ann")
        self.assertGreeted(self.bearing(good))
        self.assertGreeted(Client(self.factory).open(path=b"/?token=" + good))
        offer = b"Sec-WebSocket-Protocol: tpush.plain, tpush.token." + good
        client = Client(self.factory).open(headers=[offer])
        self.assertGreeted(client)
        self.assertIn(b"Sec-WebSocket-Protocol: tpush.plain\r\n", client.head + b"\r\n")
        self.assertEqual(client.connection.claims.user, "ann")

    def test_the_header_counts_first(self) -> None:
        """Where tokens come in several ways, that of the header counts."""
        self.assertRefused(
            self.bearing(b"x", path=b"/?token=" + token()), 401, b"no JSON Web Token"
        )
        basic = b"Authorization: Basic eDp5"
        self.assertGreeted(Client(self.factory).open(path=b"/?token=" + token(), headers=[basic]))

    def test_programs_get_a_status(self) -> None:
        """A program is refused with 401, which names the scheme, and why."""
        self.assertRefused(Client(self.factory).open(), 401, b"a token is needed")
        wrong = self.bearing(token(b"another one of at least thirty-two"))
        self.assertRefused(wrong, 401, b"not signed with a key of this server")
        self.assertIn(b'WWW-Authenticate: Bearer realm="tpush"', wrong.head)
        self.assertRefused(self.bearing(token(exp=1)), 401, b"run out")
        self.assertEqual(self.factory.metrics.refused, 3)

    def test_pages_get_a_close_code(self) -> None:
        """A page that may connect is told by a close code whether to come back."""
        wrong = token(b"another one of at least thirty-two")
        self.assertClosed(self.bearing(wrong, origin=PAGE), 4501, b"not signed")
        self.assertClosed(Client(self.factory).open(origin=PAGE), 4501, b"is needed")
        self.assertClosed(self.bearing(token(exp=1), origin=PAGE), 4401, b"run out")
        self.assertEqual(self.factory.metrics.refused, 3)

    def test_pages_of_others_get_a_status(self) -> None:
        """A page that may not connect is told so before its token is looked at."""
        self.assertRefused(self.bearing(token(), origin=b"https://evil.test"), 403, b"--origin")

    def test_one_that_was_closed_at_once_is_dropped(self) -> None:
        """A page that does not answer the close is dropped, and nothing is left of it."""
        client = self.bearing(b"x", origin=PAGE)
        self.clock.pump([1] * 20)
        self.assertTrue(client.transport.disconnecting)
        client.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_runs_out(self) -> None:
        """A client whose token runs out is closed with 4401."""
        client = self.bearing(token(exp=int(time.time()) + 100))
        self.clock.advance(98)
        self.assertEqual(len(client.frames), 1)
        self.clock.advance(3)
        self.assertEqual(client.frames[-1][1][:2], struct.pack("!H", 4401))
        self.assertEqual(self.factory.metrics.expired, 1)

    def test_runs_out_too_late(self) -> None:
        """One that is being closed for something else is not counted."""
        client = self.bearing(token(exp=int(time.time()) + 100))
        self.clock.advance(98)
        client.connection.close(GOING_AWAY)
        self.clock.advance(3)
        self.assertEqual(client.frames[-1][1][:2], struct.pack("!H", 1001))
        self.assertEqual(self.factory.metrics.expired, 0)

    def test_no_timer_outlives_its_client(self) -> None:
        """One who leaves before takes the timer along."""
        client = self.bearing(token(exp=int(time.time()) + 100))
        client.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_optional(self) -> None:
        """Without a token a client is let in; with one that is wrong it is not."""
        self.factory = self.make(Auth.OPTIONAL)
        self.assertRefused(self.bearing(b"x"), 401, b"no JSON Web Token")
        self.assertGreeted(Client(self.factory).open())
        self.assertGreeted(Client(self.factory).open(path=b"/?token="))
        self.assertGreeted(self.bearing(token(sub="ann")))

    def test_none(self) -> None:
        """No token is looked at."""
        self.factory = self.make(Auth.NONE)
        self.assertGreeted(self.bearing(b"x"))

    def test_a_reason_forges_nothing(self) -> None:
        """What a client sends begins no line of an answer."""
        client = Client(self.factory)
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: a\x0bSet-Cookie: b\x85c\r\n\r\n")
        head, _, body = client.transport.value().partition(b"\r\n\r\n")
        self.assertNotIn(b"Set-Cookie", head)
        self.assertEqual(len(body.splitlines()), 1)


class TableTests(SynchronousTestCase):
    """The table of close codes."""

    def test_codes(self) -> None:
        """A code says whether to come back; a reason fits into a close frame."""
        self.assertEqual(len({close.code for close in TABLE}), len(TABLE))
        for close in TABLE:
            self.assertEqual(close.returns == "no", close.code >= 4500, close)
            self.assertTrue(close.reason.isascii() and len(close.reason) <= 123)
