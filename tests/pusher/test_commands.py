"""What a client without a subprotocol may ask for."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.pusher.commands import Join, Leave, SendToGroup, read_command

names = st.one_of(st.text(min_size=1), st.integers())


class CommandTests(SynchronousTestCase):
    def test_commands(self) -> None:
        """Each command, as the group example that this grew from has it."""
        for payload, command in (
            (b'{"cmd":"add_group","group_id":"123"}', Join("123")),
            (b'{"cmd": "leave_group", "group_id": 123}', Leave("123")),
            (
                b'{"cmd":"send_to_group","group_id":"123","message":"hi"}',
                SendToGroup("123", "hi"),
            ),
            (b'{"cmd":"add_group","group_id":"x","more":[]}', Join("x")),
        ):
            self.assertEqual(read_command(payload), command)

    def test_no_commands(self) -> None:
        """Whatever else a client sends is none, and nothing fails."""
        for payload in (
            b"", b"hello", b'"cmd"', b'["cmd"]', b'{"cmd":', b'{"cmd":"add_group"}',
            b'{"cmd":"add_group","group_id":""}', b'{"cmd":"add_group","group_id":true}',
            b'{"cmd":"add_group","group_id":1.5}', b'{"cmd":"add_group","group_id":null}',
            b'{"cmd":"send_to_group","group_id":"1"}', b'{"cmd":1,"group_id":"1"}',
            b'{"cmd":"send_to_group","group_id":"1","message":5}',
            b'{"cmd":"fly","group_id":"1"}', b'{"cmd":["add_group"],"group_id":"1"}',
            b'{"group_id":"1"}', b'{"cmd":' + b"[" * 60_000,
        ):  # fmt: skip
            self.assertIsNone(read_command(payload), payload[:40])

    @cases(200)
    @given(names, st.text())
    def test_any_name(self, group: object, message: str) -> None:
        """Any text is a name, and any message is what it was."""
        said = {"cmd": "send_to_group", "group_id": group, "message": message}
        for ascii_alone in (True, False):
            payload = json.dumps(said, ensure_ascii=ascii_alone).encode(errors="replace")
            command = read_command(payload)
            assert isinstance(command, SendToGroup)
            if ascii_alone:
                self.assertEqual((command.group, command.message), (str(group), message))
