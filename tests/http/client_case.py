"""What both clients have to do, in a test each."""

import json
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.http.fake import MEMBERS, FakeServer, busy, lost, problem, refusing, unreachable
from tpush.http import (
    ACCEPTED,
    EVERYBODY,
    JSON,
    NO_RETRY,
    Connection,
    Counts,
    Done,
    Group,
    Members,
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    Publish,
    Receipt,
    Rejected,
    Retry,
    StrangeAnswer,
    User,
)

KEY = "an API key of some bytes"
RETRY = Retry(attempts=3, first=1, longest=4)


class ClientContract:
    """The tests; whoever inherits them says how a client is made, and waited for.

    Attributes:
        server: what the client talks to.
        headers: of each request that came.
        pauses: the seconds that were waited.
    """

    server: FakeServer
    headers: list[dict[str, str]]
    pauses: list[float]

    def make(self, url: str = "http://push.test/x/", **how: Any) -> None:
        """Make the client."""
        raise NotImplementedError

    def do(self, verb: str, *args: Any, **keywords: Any) -> Any:
        """Call a verb of the client; return what became of it, or raise it."""
        raise NotImplementedError

    def said(self: Any) -> Sequence[dict[str, Any]]:
        """Return what each request said."""
        return [json.loads(request.body) for request in self.server.requests]

    def test_publish(self: Any) -> None:
        """A publish goes out as JSON, with the API key and a key of its own."""
        self.make(key=KEY)
        self.assertIsNone(self.do("publish", Group("news"), "hellö", but=[User("ann")]))
        self.assertEqual(self.said(), [{
            "to": {"group": "news"}, "content": "hellö", "except": [{"user": "ann"}], "key": "k1",
        }])  # fmt: skip
        self.assertEqual(self.server.requests[0].path, "x/v1/publish")
        self.assertEqual(self.headers[0]["authorization"], f"Bearer {KEY}")
        self.assertEqual(self.headers[0]["content-type"], "application/json")

    def test_no_key(self: Any) -> None:
        """Without an API key none is sent, and without retries no idempotency key."""
        self.make(retry=NO_RETRY)
        self.do("publish", EVERYBODY, JSON([1]))
        self.assertEqual(self.said(), [{"to": {"broadcast": True}, "data": [1]}])
        self.assertNotIn("authorization", self.headers[0])

    def test_receipt(self: Any) -> None:
        """Who asks is told what became of it."""
        self.make()
        receipt = self.do("publish_with_receipt", EVERYBODY, b"\xff", idempotency_key="mine")
        self.assertEqual(receipt, Receipt(Counts(1, 1, 1), 2, 0))
        said = {"to": {"broadcast": True}, "base64": "/w==", "receipt": True, "key": "mine"}
        self.assertEqual(self.said(), [said])

    def test_batch(self: Any) -> None:
        """Many go in one request."""
        self.make()
        publishes = [Publish(EVERYBODY, "a"), Publish(Group("b"), "b", receipt=True)]
        outcomes = self.do("batch", publishes)
        self.assertEqual(outcomes, [ACCEPTED, Receipt(Counts(1, 1, 1), 2, 0)])
        self.assertEqual(self.server.requests[0].path, "x/v1/batch")
        self.assertEqual(self.server.keys, [["k1", "k2"]])

    def test_again(self: Any) -> None:
        """It is tried again under the same key, after the pause that was asked for."""
        self.make(faults=[lost, busy("2")])
        self.do("publish", EVERYBODY, "x")
        self.assertEqual(self.pauses, [1, 2 + 2])
        self.assertEqual(self.server.keys, [["k1"]] * 3)
        self.assertEqual(len(self.server.published), 1)

    def test_in_vain(self: Any) -> None:
        """It ends after the last attempt, with what happened."""
        self.make(faults=[unreachable] * 3)
        with self.assertRaises(NotReachable) as failed:
            self.do("publish", EVERYBODY, "x")
        self.assertIn("http://push.test/x/: ", str(failed.exception))
        self.assertEqual(len(self.server.requests), 3)

    def test_refused(self: Any) -> None:
        """What is refused is an error, and is not tried again; no error has the API key."""
        self.make(key=KEY, faults=[refusing(401, problem(401, "unauthorized"))])
        with self.assertRaises(NotAllowed) as failed:
            self.do("publish", EVERYBODY, "x")
        self.assertNotIn(KEY, repr(failed.exception))
        self.assertEqual((self.pauses, len(self.server.requests)), ([], 1))

    def test_orders(self: Any) -> None:
        """Orders go out as they are meant, and say what came of them."""
        self.make()
        one, done = Connection(7, 3), Done(3, 2, 1, 2)
        to = {"connection": "7:3"}
        for verb, arguments, path, more in (
            ("join", ["a/b ü", one], "x/v1/groups/a%2Fb%20%C3%BC/join", {}),
            ("leave", ["news", one], "x/v1/groups/news/leave", {}),
            ("bind", ["ann", one], "x/v1/users/ann/bind", {}),
            ("unbind", [one], "x/v1/unbind", {}),
            ("disconnect", [one], "x/v1/close", {"code": 1000, "reason": ""}),
        ):
            self.assertEqual(self.do(verb, *arguments, but=[User("bob")]), done)
            request = self.server.requests.pop()
            self.assertEqual(request.path, path)
            said = {"to": to, "except": [{"user": "bob"}], **more}
            self.assertEqual(json.loads(request.body), said)
        self.do("disconnect", [one, one], code=4000, reason="bye", last="end")
        said = {"to": [to, to], "code": 4000, "reason": "bye", "content": "end"}
        self.assertEqual(self.said(), [said])

    def test_questions(self: Any) -> None:
        """Who is where is asked for, and told."""
        self.make()
        members = Members(2, ["7:1"], 1)
        self.assertEqual(self.do("group", "news"), members)
        self.assertEqual(self.do("user", "ann", limit=5), members)
        self.assertEqual(self.do("info"), MEMBERS)
        paths = [request.path for request in self.server.requests]
        asked = ["groups/news?limit=1000", "users/ann?limit=5", "info"]
        self.assertEqual(paths, [f"x/v1/{path}" for path in asked])

    def test_orders_again(self: Any) -> None:
        """An order is given again where it is not known to be done; one that is refused is not."""
        self.make(faults=[lost, busy(), refusing(404, problem(404, "no-such-connection"))])
        with self.assertRaises(NoSuchConnection):
            self.do("join", "news", Connection(7, 3))
        self.assertEqual(len(self.server.requests), 3)
        self.make(faults=[refusing(200, []), refusing(200, {"accepted": True})])
        for _ in range(2):
            with self.assertRaises(StrangeAnswer):
                self.do("join", "news", Connection(7, 3))

    def test_redirection(self: Any) -> None:
        """A redirection is not followed: the key would go along."""
        self.make(key=KEY, faults=[refusing(307, {}), refusing(200, {"accepted": True})])
        with self.assertRaises(Exception) as failed:
            self.do("publish", EVERYBODY, "x")
        self.assertIn("answered 307", str(failed.exception))
        self.assertEqual(len(self.server.requests), 1)

    def test_not_json(self: Any) -> None:
        """What JSON has not is an error of who publishes, and nothing is sent."""
        self.make()
        for wrong in (float("nan"), object()):
            with self.assertRaises((ValueError, TypeError)):
                self.do("publish", EVERYBODY, JSON(wrong))
        self.assertEqual(self.server.requests, [])

    def test_long_text(self: Any) -> None:
        """A text is no longer on its way than it is, in whatever letters; nor is a last one."""
        self.make()
        text = "漢字" * 1000
        self.do("publish", EVERYBODY, text)
        self.do("publish", EVERYBODY, JSON([text]))
        self.do("batch", [Publish(EVERYBODY, text)])
        self.do("disconnect", EVERYBODY, last=text)
        for request in self.server.requests:
            self.assertIn(text.encode(), request.body)

    def test_half_a_character(self: Any) -> None:
        """What no UTF-8 has goes along, for the publisher to refuse."""
        self.make(faults=[refusing(400, problem(400, "bad-request"))])
        with self.assertRaises(Rejected):
            self.do("publish", EVERYBODY, "\ud800")
        self.assertEqual(self.said()[0]["content"], "\ud800")

    def test_wrong_settings(self: Any) -> None:
        """A URL or a key that cannot be used is told when the client is made."""
        for url in ("push.test", "ftp://push.test", "http://", "http://a:b@push.test",
                    "http://push.test/?x", "http://push.test/#x", "http://push.test:x",
                    "http://push.test:65536", "http://push..test"):  # fmt: skip
            with self.assertRaises(ValueError):
                self.make(url)
        for key in ("secret\r\nX: y", "secret-ü", " secret", "secret\0"):
            with self.assertRaises(ValueError) as refused:
                self.make(key=key)
            self.assertNotIn("secret", str(refused.exception))


class ClientCase(SynchronousTestCase):
    """Counts the keys that are drawn."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.headers: list[dict[str, str]] = []
        self.pauses: list[float] = []
        self._drawn = 0

    def draw(self) -> str:
        """Return the next key."""
        self._drawn += 1
        return f"k{self._drawn}"
