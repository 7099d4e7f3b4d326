"""How a content is printed."""

from twisted.trial.unittest import SynchronousTestCase

from tpush.command.contents import as_line


class ContentsTests(SynchronousTestCase):
    """A content is a line."""

    def line(self, payload: bytes, **how: bool) -> str:
        return as_line(payload, **{"text": True, "as_json": False, "terminal": False, **how})

    def test_plain(self) -> None:
        """Text is printed as it came, bytes as base64."""
        self.assertEqual(self.line("hellö\x1b\n".encode()), "hellö\x1b\n")
        self.assertEqual(self.line(b"\xff\0", text=False), "/wA=")

    def test_terminal(self) -> None:
        """What would move a cursor is escaped where somebody looks; tabs and lines are not."""
        self.assertEqual(self.line(b"a\x1b[1m\t\nb\r", terminal=True), "a\\x1b[1m\t\nb\\r")
        self.assertEqual(self.line("hellö".encode(), terminal=True), "hellö")

    def test_json(self) -> None:
        """As JSON it is one line, whatever is in it."""
        self.assertEqual(self.line(b"a\nb", as_json=True), '{"content": "a\\nb"}')
        self.assertEqual(self.line(b"\xff\0", text=False, as_json=True), '{"base64": "/wA="}')
