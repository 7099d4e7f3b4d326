"""How a connection that was refused ends."""

# ruff: noqa: N802 - assertions are named as trial's own

from tests.publisher.client import Answer, Client, SiteTestCase, TCPTransport, head
from tpush.limits import MIB


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
