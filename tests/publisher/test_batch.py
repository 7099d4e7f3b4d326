"""Many publishes in one request."""

import json
from typing import Any

from tests.publisher.client import Answer, SiteTestCase, head
from tpush.errors import OutboxFull
from tpush.publisher.v1.batch import MOST
from tpush.receipt import Counts, Receipt

ACCEPTED = {"accepted": True}
JSON, NDJSON = b"application/json", b"application/x-ndjson"


def publish(name: str, **more: Any) -> dict[str, Any]:
    """Return one publish to a group."""
    return {"to": {"group": name}, "content": name, **more}


class BatchTests(SiteTestCase):
    """``POST /v1/batch`` answers each publish in its place."""

    def post(self, body: bytes, kind: bytes = JSON) -> Answer:
        length = b"Content-Length: %d" % len(body)
        return self.client.ask(head(b"POST /v1/batch", length, b"Content-Type: " + kind) + body)

    def batch(self, *publishes: Any) -> Any:
        answer = self.post(json.dumps(publishes).encode())
        self.assertEqual((answer.status, answer.headers[b"content-type"]), (200, JSON))
        return json.loads(answer.body)

    def groups(self) -> list[str]:
        return [event.removeprefix("group/") for event, *_ in self.channel.published]

    def test_array(self) -> None:
        """An array is answered with an array, in the same order."""
        self.assertEqual(self.batch(publish("a"), publish("b")), [ACCEPTED, ACCEPTED])
        self.assertEqual(self.groups(), ["a", "b"])
        self.assertEqual(self.batch(), [])

    def test_lines(self) -> None:
        """A value a line is answered with a value a line; one that is none does not stop others."""
        lines = [json.dumps(publish("a")), "{", "", json.dumps(publish("b")) + "\r"]
        answer = self.post("\n".join(lines).encode(), NDJSON)
        self.assertEqual((answer.status, answer.headers[b"content-type"]), (200, NDJSON))
        first, second, third = map(json.loads, answer.body.splitlines())
        self.assertEqual((first, third), (ACCEPTED, ACCEPTED))
        self.assertEqual(second["status"], 400)
        self.assertEqual(self.groups(), ["a", "b"])

    def test_wrong_ones(self) -> None:
        """What is wrong with one is said in its place, and the others go out."""
        said = self.batch({}, publish("a"), None, publish("b", colour="red"))
        self.assertEqual([each.get("status", each) for each in said], [400, ACCEPTED, 400, 400])
        self.assertEqual(said[0]["type"], "urn:tpush:problem:bad-request")
        self.assertEqual(self.groups(), ["a"])

    def test_full(self) -> None:
        """What the channel does not take is said in its place."""

        def refuse() -> None:
            if len(self.channel.published) == 2:
                raise OutboxFull("the channel is away")

        self.channel.refusing = refuse
        said = self.batch(*map(publish, "abcd"))
        self.assertEqual([each.get("status", 200) for each in said], [200, 200, 503, 503])

    def test_receipts(self) -> None:
        """It is answered when all receipts are there."""
        body = json.dumps([publish("a", receipt=True), publish("b"), publish("c", receipt=True)])
        request = head(b"POST /v1/batch", b"Content-Length: %d" % len(body)) + body.encode()
        self.client.send(request)
        complete, missing = Receipt(Counts(1), 1, 0), Receipt(Counts(1), 1, 2)
        self.channel.receipts[1].callback(missing)
        self.assertEqual(self.client.answers(), [])
        self.channel.receipts[0].callback(complete)
        [answer] = self.client.answers()
        first, second, third = json.loads(answer.body)
        self.assertEqual((first, second), (complete.as_dict(), ACCEPTED))
        self.assertEqual((third["status"], third["receipt"]), (504, missing.as_dict()))
        self.assertEqual(self.site.metrics.receipts, {200: 1, 504: 1})

    def test_no_batch(self) -> None:
        """What is no list, or too long, is refused as a whole."""
        for body in (b"{}", b"[", json.dumps([publish("a")] * (MOST + 1)).encode()):
            answer = self.post(body)
            self.assertEqual(answer.status, 400)
            self.assertEqual(json.loads(answer.body)["type"], "urn:tpush:problem:bad-request")
        self.assertEqual(self.post(b"\n" * 5000 + b"{}\n" * (MOST + 1), NDJSON).status, 400)
        self.assertEqual(self.post(b"[]", b"text/plain").status, 415)
        self.assertEqual(self.channel.published, [])
        self.assertEqual(len(self.batch(*[publish("a")] * MOST)), MOST)
