"""Receipts, as a back end sees them."""

import json
from typing import Any

from tests.publisher.client import SiteTestCase
from tpush.receipt import Counts, Receipt

ADDRESSED = b"to_worker_id=1&to_connection_id=2&content=X&receipt=1"


class ReceiptTests(SiteTestCase):
    """A request that asks for a receipt is answered when it is there."""

    def asked(self, target: bytes, receipt: Receipt, more: bytes = b"") -> tuple[int, Any]:
        """Ask, let the receipt come, and return status and body; keep the answer."""
        self.client.send(b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (target, more))
        self.assertEqual(self.client.answers(), [])
        self.channel.receipts.pop().callback(receipt)
        [answer] = self.client.answers()
        self.assertEqual(answer.headers[b"content-type"], b"application/json")
        self.answer = answer
        return answer.status, json.loads(answer.body)

    def test_counts(self) -> None:
        """It says what became of the message, over all workers."""
        receipt = Receipt(Counts(5, 2, 1), workers=3, missing=0)
        expected = {"matched": 8, "written": 5, "dropped": 2, "pending": 1, "workers": 3}
        self.assertEqual(self.asked(b"/?content=X&receipt=1", receipt), (200, expected))
        self.assertEqual(self.channel.published, [("broadcast", b"X", True, None)])

    def test_prefer(self) -> None:
        """A Prefer header asks as well, and the answer says that it was heard."""
        receipt = Receipt(Counts(1), workers=1, missing=0)
        for prefer in (b"return=representation", b"respond-async, Return=Representation"):
            status, _ = self.asked(b"/?content=X", receipt, b"Prefer: %s\r\n" % prefer)
            self.assertEqual(status, 200)
            applied = self.answer.headers[b"preference-applied"]
            self.assertEqual(applied, b"return=representation")
        answer = self.client.get(b"/?content=X", b"GET", b"Prefer: return=minimal")
        self.assertEqual((answer.status, answer.body), (200, b"ok"))

    def test_nobody_there(self) -> None:
        """A broadcast to nobody is no error; an address that nobody has is."""
        nobody = Receipt(Counts(), workers=2, missing=0)
        self.assertEqual(self.asked(b"/?content=X&receipt=1", nobody)[0], 200)
        self.assertEqual(
            self.asked(b"/?" + ADDRESSED, nobody), (404, {"error": "no such connection"})
        )

    def test_missing(self) -> None:
        """Where workers have not told in time it says how many, and what is known."""
        status, said = self.asked(b"/?content=X&receipt=1", Receipt(Counts(3), 1, missing=2))
        self.assertEqual((status, said["written"], said["missing"]), (504, 3, 2))
        status, said = self.asked(b"/?" + ADDRESSED, Receipt(Counts(), 0, missing=None))
        self.assertEqual((status, said["matched"], said["missing"]), (504, 0, None))

    def test_counted(self) -> None:
        """Receipts are counted by their status."""
        for receipt in Receipt(Counts(1), 1, 0), Receipt(Counts(), 1, 0), Receipt(Counts(), 0, 1):
            self.asked(b"/?" + ADDRESSED, receipt)
        self.assertEqual(self.site.metrics.receipts, {200: 1, 404: 1, 504: 1})
        self.assertEqual(self.site.metrics.refused, {})

    def test_empty(self) -> None:
        """What is not sent has a receipt of zeros, at once."""
        answer = self.client.get(b"/?receipt=1")
        self.assertEqual((answer.status, json.loads(answer.body)["matched"]), (200, 0))
        self.assertEqual(self.channel.published, [])

    def test_not_asked(self) -> None:
        """0 and nothing ask for none; anything else is an error, and nothing is sent."""
        for value in (b"", b"0"):
            self.assertEqual(self.client.get(b"/?content=X&receipt=" + value).body, b"ok")
        self.channel.published.clear()
        self.assertRefused(self.client.get(b"/?content=X&receipt=yes"), 400, "receipt is 1 or 0")

    def test_fails(self) -> None:
        """A receipt that fails is an error of ours, and is answered all the same."""
        self.client.send(b"GET /?content=X&receipt=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.channel.receipts.pop().errback(ZeroDivisionError())
        [answer] = self.client.answers()
        self.assertEqual((answer.status, answer.body), (500, b"internal error"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_gone_meanwhile(self) -> None:
        """A back end that does not wait for it harms nobody."""
        client = self.connect()
        client.send(b"GET /?content=X&receipt=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.leave()
        self.channel.receipts.pop().callback(Receipt(Counts(1), 1, 0))
