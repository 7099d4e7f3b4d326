"""One message as a frame."""

from autobahn.websocket.protocol import WebSocketServerFactory
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.pusher.frame import frame

LENGTHS = st.integers(0, 300) | st.integers(65_500, 65_600)


class FrameTests(SynchronousTestCase):
    """A frame is what Autobahn makes of the same message."""

    @cases(100)
    @given(LENGTHS, st.booleans())
    def test_as_autobahn(self, length: int, text: bool) -> None:  # noqa: FBT001
        """Whatever its length and its kind."""
        content = b"x" * length
        expected = WebSocketServerFactory().prepareMessage(content, isBinary=not text)
        self.assertEqual(frame(content, text=text), expected.payloadHybi)
