"""The JSON API."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.channel.properties import cases
from tests.publisher.client import Answer, SiteTestCase, head
from tpush.errors import OutboxFull, TPushError
from tpush.message import BROADCAST
from tpush.publisher.errors import BadRequest
from tpush.publisher.v1.body import read_json
from tpush.publisher.v1.order import read_order
from tpush.receipt import Counts, Receipt

ALL = {"broadcast": True}
JSON = b"Content-Type: application/json"


class PublishTests(SiteTestCase):
    """``POST /v1/publish`` publishes what it says, to whom it says."""

    def post(self, body: bytes, *headers: bytes) -> Answer:
        length = b"Content-Length: %d" % len(body)
        return self.client.ask(head(b"POST /v1/publish", length, *headers) + body)

    def publish(self, **said: Any) -> Answer:
        return self.post(json.dumps(said).encode(), JSON)

    def problem(self, answer: Answer, status: int, name: str) -> dict[str, Any]:
        """Check that an answer is one problem; return it."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers[b"content-type"], b"application/problem+json")
        problem: dict[str, Any] = json.loads(answer.body)
        self.assertEqual(problem["type"], f"urn:tpush:problem:{name}")
        self.assertEqual(problem["status"], status)
        self.assertTrue(problem["title"] and problem["detail"], problem)
        return problem

    def test_targets(self) -> None:
        """All, one connection, a group or a user."""
        for to, event, connection in (
            (ALL, BROADCAST, None),
            ({"connection": "7:3"}, "worker/7", 3),
            ({"group": "näws"}, "group/näws", None),
            ({"user": "ann"}, "user/ann", None),
        ):
            answer = self.publish(to=to, content="hi")
            self.assertEqual((answer.status, json.loads(answer.body)), (200, {"accepted": True}))
            self.assertEqual(answer.headers[b"content-type"], b"application/json")
            self.assertEqual(self.channel.published.pop(), (event, b"hi", True, connection))

    def test_lists(self) -> None:
        """Several targets, less others, and a key."""
        to = [{"connection": "7:3"}, {"group": "x"}, {"user": "ann"}]
        but = [{"connection": "8:4"}, {"group": "y"}]
        answer = self.publish(to=to, content="hi", key="k", **{"except": but})
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.channel.published, [("worker/7", b"hi", True, 3)])
        also, excepted, key, _ = self.channel.beyond
        self.assertEqual(also, [("group/x", None), ("user/ann", None)])
        self.assertEqual(excepted, [("worker/8", 4), ("group/y", None)])
        self.assertEqual(key, "k")

    def test_contents(self) -> None:
        """Text, any JSON, or bytes."""
        for fields, data, text in (
            ({"content": "ü"}, "ü".encode(), True),
            ({"content": ""}, b"", True),
            ({"data": {"a": [1, "ü"]}}, '{"a":[1,"ü"]}'.encode(), True),
            ({"data": None}, b"null", True),
            ({"base64": "/wA="}, b"\xff\0", False),
        ):
            self.assertEqual(self.publish(to=ALL, **fields).status, 200)
            self.assertEqual(self.channel.published.pop(), (BROADCAST, data, text, None))
            self.assertEqual(self.channel.beyond[-1], "data" in fields)

    def test_receipt(self) -> None:
        """A receipt says what became of it, and what is missing is a problem."""
        body = json.dumps({"to": {"connection": "7:3"}, "content": "x", "receipt": True}).encode()
        length = b"Content-Length: %d" % len(body)
        request = head(b"POST /v1/publish", JSON, length) + body
        for receipt, status in (
            (Receipt(Counts(1), 1, 0), 200),
            (Receipt(Counts(), 1, 0), 404),
            (Receipt(Counts(1), 1, 2), 504),
        ):
            self.client.send(request)
            self.assertEqual(self.client.answers(), [])
            self.channel.receipts.pop().callback(receipt)
            [answer] = self.client.answers()
            if status == 200:
                self.assertEqual(json.loads(answer.body), receipt.as_dict())
            elif status == 404:
                self.problem(answer, 404, "no-such-connection")
            else:
                problem = self.problem(answer, 504, "workers-missing")
                self.assertEqual(problem["receipt"]["missing"], 2)
        self.assertEqual(self.site.metrics.receipts, {200: 1, 404: 1, 504: 1})

    def test_wrong(self) -> None:
        """What does not say what to publish, or to whom, is refused; nothing is published."""
        wrong: list[Any] = [
            [], "x", None, {}, {"to": ALL}, {"content": "x"},
            {"to": ALL, "content": "x", "data": 1}, {"to": ALL, "content": 5},
            {"to": ALL, "content": "\ud800"}, {"to": ALL, "base64": "?"},
            {"to": ALL, "base64": 1}, {"to": ALL, "content": "x", "receipt": 1},
            {"to": ALL, "content": "x", "colour": "red"}, {"to": "all", "content": "x"},
            {"to": [], "content": "x"}, {"to": [ALL, {}], "content": "x"},
            {"to": [ALL] * 101, "content": "x"}, {"to": ALL, "except": ALL, "content": "x"},
            {"to": ALL, "except": [[ALL]], "content": "x"}, {"to": ALL, "key": "", "content": "x"},
            {"to": ALL, "key": 5, "content": "x"}, {"to": ALL, "key": "k" * 201, "content": "x"},
            {"to": {}, "content": "x"}, {"to": {"broadcast": False}, "content": "x"},
            {"to": {"broadcast": True, "group": "x"}, "content": "x"},
            {"to": {"group": ""}, "content": "x"}, {"to": {"group": 5}, "content": "x"},
            {"to": {"group": "x" * 200}, "content": "x"}, {"to": {"group": "\ud800"}, "data": ""},
            {"to": {"user": None}, "content": "x"}, {"to": {"connection": "7"}, "content": "x"},
            {"to": {"connection": "0:1"}, "content": "x"}, {"to": {"planet": "x"}, "content": "x"},
            {"to": {"connection": f"{2**53}:1"}, "content": "x"},
            {"to": ALL, "data": "\ud800"}, {"to": ALL, "data": [float("nan")]},
        ]  # fmt: skip
        for said in wrong:
            self.problem(self.post(json.dumps(said).encode(), JSON), 400, "bad-request")
        for body in (b"", b"{", b"\xff", b"[" * 100_000):
            self.problem(self.post(body, JSON), 400, "bad-request")
        self.assertEqual(self.channel.published, [])

    def test_other_bodies(self) -> None:
        """A body that is no JSON, or compressed, is not read."""
        for header in (b"Content-Type: text/plain", b"Content-Encoding: gzip"):
            self.problem(self.post(b"{}", header), 415, "unsupported-body")

    def test_elsewhere(self) -> None:
        """Another method or path is a problem too."""
        answer = self.client.ask(head(b"GET /v1/publish"))
        self.problem(answer, 405, "method-not-allowed")
        self.assertEqual(answer.headers[b"allow"], b"POST")
        for path in (b"/v1", b"/v1/", b"/v1/none", b"/v1/publish/", b"/v1/none/x"):
            self.problem(self.client.ask(head(b"GET " + path)), 404, "no-such-resource")

    def test_refused_by_the_channel(self) -> None:
        """What the channel does not take is said, with when to come back."""

        def refuse() -> None:
            raise OutboxFull("the channel is away")

        self.channel.refusing = refuse
        answer = self.publish(to=ALL, content="x")
        self.problem(answer, 503, "try-later")
        self.assertEqual(answer.headers[b"retry-after"], b"1")

    def test_cross_site(self) -> None:
        """A web page of another site publishes nothing."""
        answer = self.post(b"{}", b"Origin: http://evil.example")
        self.problem(answer, 403, "cross-site")


class OrderTests(SiteTestCase):
    @cases(200)
    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["x", "7:3"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["to", "content", "data", "base64", "receipt", "group", "user",
                             "broadcast", "connection", "except", "key"]) | st.text(),
            inner, max_size=4,
        ),
    ))  # fmt: skip
    def test_any_json(self, said: Any) -> None:
        """Any JSON is a publish or is refused, and nothing else comes of it."""
        try:
            order = read_order(read_json(json.dumps(said).encode()))
        except BadRequest as refused:
            self.assertEqual(str(refused).count("\n"), 0)
        except TPushError as other:
            self.fail(f"{other!r}")
        else:
            self.assertIsInstance(order.data, str | bytes)
