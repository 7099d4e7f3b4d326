"""Groups, users and connections by the JSON API."""

import json
from typing import Any

from tests.publisher.client import Answer, SiteTestCase, head
from tpush.message import BROADCAST
from tpush.orders import Bind, Close, Info, Join, Leave, Order, Show
from tpush.receipt import Counts, Receipt

JSON = b"Content-Type: application/json"
ONE = {"connection": "7:3"}


class VerbTests(SiteTestCase):
    """Each verb is one order, answered when all workers have told."""

    def send(self, method: bytes, path: bytes, said: Any = None) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        fields = [JSON, b"Content-Length: %d" % len(body)] if said is not None else []
        self.client.send(head(b"%b %b" % (method, path), *fields) + body)

    def answered(self, receipt: Receipt) -> Answer:
        self.channel.receipts.pop().callback(receipt)
        [answer] = self.client.answers()
        return answer

    def said(self, receipt: Receipt) -> Any:
        answer = self.answered(receipt)
        self.assertEqual((answer.status, answer.headers[b"content-type"]), (200, JSON[14:]))
        return json.loads(answer.body)

    def problem(self, answer: Answer, status: int, name: str) -> Any:
        self.assertEqual(answer.status, status, answer.body)
        problem = json.loads(answer.body)
        self.assertEqual(problem["type"], f"urn:tpush:problem:{name}")
        return problem

    def test_changes(self) -> None:
        """Into a group and out of it; who is at a connection, and that nobody known is."""
        expected: list[tuple[bytes, Order]] = [
            (b"/v1/groups/news/join", Join("news")),
            (b"/v1/groups/n%C3%A4ws%2Fsport/leave", Leave("näws/sport")),
            (b"/v1/users/ann/bind", Bind("ann")),
            (b"/v1/unbind", Bind(None)),
        ]
        for path, order in expected:
            self.send(b"POST", path, {"to": [ONE, {"user": "bob"}], "except": [{"group": "x"}]})
            self.assertEqual(
                self.channel.orders.pop(),
                (order, [("worker/7", 3), ("user/bob", None)], [("group/x", None)]),
            )
            said = self.said(Receipt(Counts(3, 1), 2, 0))
            self.assertEqual(said, {"matched": 4, "done": 3, "refused": 1, "workers": 2})

    def test_close(self) -> None:
        """With a code, a reason, and a last message; or as it is usual."""
        self.send(b"POST", b"/v1/close", {"to": {"user": "ann"}})
        self.assertEqual(self.channel.orders.pop()[0], Close(1000, "", None))
        self.said(Receipt(Counts(1), 1, 0))
        how = {"code": 4000, "reason": "bye", "content": "that was it"}
        self.send(b"POST", b"/v1/close", {"to": ONE, **how})
        self.assertEqual(self.channel.orders.pop()[0], Close(4000, "bye", "that was it"))
        self.problem(self.answered(Receipt(Counts(), 1, 0)), 404, "no-such-connection")

    def test_code_with_a_point(self) -> None:
        """A code is a number, however it is written, and a whole one."""
        self.send(b"POST", b"/v1/close", {"to": ONE, "code": 4000.0})
        [order, *_] = self.channel.orders.pop()
        self.assertEqual(repr(order), repr(Close(4000, "", None)))
        self.said(Receipt(Counts(1), 1, 0))
        for code in (4000.5, 1e300, float("inf"), float("nan")):
            self.send(b"POST", b"/v1/close", {"to": ONE, "code": code})
            [answer] = self.client.answers()
            self.problem(answer, 400, "bad-request")

    def test_group(self) -> None:
        """How many are in a group, and the addresses of some."""
        for path, most in (
            (b"/v1/groups/news", 1000),
            (b"/v1/groups/news?limit=2", 2),
            (b"/v1/groups/news?limit=0", 0),
        ):
            self.send(b"GET", path)
            self.assertEqual(self.channel.orders.pop(), (Show(most), [("group/news", None)], []))
            replies = (b'["1:1","1:2"]', b'["2:1"]')
            said = self.said(Receipt(Counts(3), 2, 0, replies))
            addresses = ["1:1", "1:2", "2:1"][:most]
            self.assertEqual(
                said, {"group": "news", "count": 3, "connections": addresses, "workers": 2}
            )

    def test_user(self) -> None:
        """Where a user is; nowhere, where he is not."""
        self.send(b"GET", b"/v1/users/ann")
        self.assertEqual(self.channel.orders.pop(), (Show(1000), [("user/ann", None)], []))
        said = self.said(Receipt(Counts(), 0, 0))
        self.assertEqual(said, {"user": "ann", "count": 0, "connections": [], "workers": 0})

    def test_info(self) -> None:
        """All workers, by their id, and the sums of their connections and rates."""
        self.send(b"GET", b"/v1/info")
        self.assertEqual(self.channel.orders.pop(), (Info(), [(BROADCAST, None)], []))
        workers = [{"worker": number, "connections": 10 * number} for number in (2, 1)]
        replies = tuple(json.dumps(worker).encode() for worker in workers)
        said = self.said(Receipt(Counts(), 2, 0, replies))
        rates = {"opened": 0, "messages": 0, "deliveries": 0}
        self.assertEqual(said, {"connections": 30, "rates": rates, "workers": workers[::-1]})

    def test_rates(self) -> None:
        """They are summed; a worker that tells of none counts for nothing."""
        told: tuple[dict[str, Any], ...] = (
            {"rates": {"opened": 0.1, "messages": 2, "deliveries": 30}},
            {"rates": {"opened": 0.2, "messages": 2, "deliveries": 12.5}},
            {},
        )
        workers = [{"worker": 7 + n, "connections": 1, **each} for n, each in enumerate(told)]
        self.send(b"GET", b"/v1/info")
        replies = tuple(json.dumps(worker).encode() for worker in workers)
        said = self.said(Receipt(Counts(), 3, 0, replies))
        self.assertEqual(said["rates"], {"opened": 0.3, "messages": 4, "deliveries": 42.5})
        self.assertEqual(said["workers"], workers)

    def test_missing(self) -> None:
        """Where a worker has not told, what is known is in the problem."""
        self.send(b"GET", b"/v1/groups/news")
        problem = self.problem(
            self.answered(Receipt(Counts(1), 1, 1, (b'["1:1"]',))), 504, "workers-missing"
        )
        self.assertEqual((problem["known"]["count"], problem["missing"]), (1, 1))
        self.send(b"POST", b"/v1/close", {"to": ONE})
        self.problem(self.answered(Receipt(Counts(), 0, 1)), 504, "workers-missing")

    def test_wrong(self) -> None:
        """What cannot be done is refused, and no order is given."""
        wrong: list[tuple[bytes, Any]] = [
            (b"/v1/close", {}), (b"/v1/close", []), (b"/v1/close", {"to": ONE, "code": 1001}),
            (b"/v1/close", {"to": ONE, "code": 5000}), (b"/v1/close", {"to": ONE, "code": True}),
            (b"/v1/close", {"to": ONE, "reason": "x" * 124}), (b"/v1/close", {"to": ONE, "x": 1}),
            (b"/v1/close", {"to": ONE, "content": 5}), (b"/v1/close", {"to": []}),
            (b"/v1/close", {"to": ONE, "content": "\ud800"}),
            (b"/v1/groups/x/join", {"to": "all"}), (b"/v1/groups/x/join", {"to": ONE, "code": 1}),
            (b"/v1/unbind", {}),
        ]  # fmt: skip
        for path, said in wrong:
            self.send(b"POST", path, said)
            [answer] = self.client.answers()
            self.problem(answer, 400, "bad-request")
        for query in (b"limit=x", b"limit=10001", b"limit=", b"limit=-1", b"other=1",
                      b"limit=0000000019999", b"limit=" + b"9" * 5000):  # fmt: skip
            self.send(b"GET", b"/v1/groups/x?" + query)
            [answer] = self.client.answers()
            self.problem(answer, 400, "bad-request")
        self.assertEqual(self.channel.orders, [])

    def test_elsewhere(self) -> None:
        """Other paths and methods are problems."""
        for path in (b"/v1/groups", b"/v1/groups/", b"/v1/groups/%ff", b"/v1/users/" + b"x" * 200,
                     b"/v1/groups/x/dance", b"/v1/groups/x/join/y"):  # fmt: skip
            self.send(b"GET", path)
            [answer] = self.client.answers()
            self.problem(answer, 404, "no-such-resource")
        for method, path in (
            (b"POST", b"/v1/info"),
            (b"GET", b"/v1/close"),
            (b"DELETE", b"/v1/groups/x"),
            (b"GET", b"/v1/users/x/bind"),
        ):
            self.send(method, path)
            [answer] = self.client.answers()
            self.problem(answer, 405, "method-not-allowed")
