"""Requests that a connection is to bear, and how one ends that was refused."""

# ruff: noqa: N802 - assertions are named as trial's own

from tests.publisher.client import FORM, Answer, Client, SiteTestCase, TCPTransport, head
from tpush.limits import MIB

BODY = "a body has at most 1048576 bytes"
CODED = b"Transfer-Encoding: chunked"
CHUNKED = head(b"POST /", b"Content-Type: " + FORM, CODED)
SLOW = "the request took too long to arrive"


def request_line(size: int) -> bytes:
    """Return a request line of that many bytes."""
    start, end = b"GET /?content=", b" HTTP/1.1"
    return start + b"x" * (size - len(start) - len(end)) + end


def announced(length: bytes, *more: bytes) -> bytes:
    """Return the head of a POST that announces so many bytes."""
    return head(b"POST /", b"Content-Type: " + FORM, b"Content-Length: " + length, *more)


class ConnectionTestCase(SiteTestCase):
    def assertClosing(self, answer: Answer, status: int, reason: str) -> None:
        """Check that a request was refused, and that its connection is being closed."""
        self.assertRefused(answer, status, reason)
        self.assertEqual(answer.headers[b"connection"], b"close")
        self.assertIn(b"date", answer.headers)
        self.assertDraining(self.client)

    def assertDraining(self, client: Client) -> None:
        """Check that nothing more is sent or taken notice of, and then the connection is cut."""
        assert isinstance(client.transport, TCPTransport)
        self.assertTrue(client.transport.half_closed)
        self.assertIsNone(client.transport.producer)
        for data in (b"x" * MIB, b"\r\n\r\n", head(b"GET /?content=X")):
            client.send(data)
        self.assertEqual(client.received(), b"")
        self.assertEqual(self.channel.published, [])
        self.assertEqual(client.transport.producerState, "producing")
        self.clock.advance(1.9)
        self.assertFalse(client.transport.disconnecting)
        self.clock.advance(0.2)
        self.assertTrue(client.transport.disconnected)
