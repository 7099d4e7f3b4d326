"""What clients do, as a back end is told of it."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tests.pusher.client import Client
from tests.pusher.websocket import TEXT, client_frame
from tpush.access import Origins
from tpush.errors import OutboxFull
from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.pusher.admission import Admission
from tpush.pusher.factory import PusherFactory
from tpush.pusher.groups import Exchange
from tpush.pusher.rights import Right, Rights
from tpush.pusher.telling import EventTelling

OPEN = Rights(Right.OPEN, Right.OPEN)
MEMBERSHIP = frozenset({"join", "leave"})


class Telling:
    """A factory, and what is told of its clients."""

    def __init__(self, **limits: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.factory = PusherFactory(
            WorkerID(7),
            Clock(),
            replace(Limits(ping_interval=0), **limits),
            Admission(Origins(), rights=OPEN),
            exchange=Exchange(publish=self.publish),
            telling=EventTelling(lambda event: self.events.append(json.loads(event)), lambda: 1.5),
        )

    def publish(self, event: str, text: str, *, json: bool) -> None:
        if self.error is not None:
            raise self.error

    def client(self, *groups: str) -> Client:
        query = "&".join(f"group={group}" for group in groups)
        return Client(self.factory).open(path=f"/?{query}".encode())

    def command(self, client: Client, cmd: str, group: str, **more: str) -> None:
        said = json.dumps({"cmd": cmd, "group_id": group, **more})
        client.send(client_frame(TEXT, said.encode()))

    @property
    def told(self) -> list[tuple[str, ...]]:
        """All events, less what is the same in each."""
        return [
            (event["type"], event["connection"], *filter(None, [event.get("group")]))
            for event in self.events
        ]


class TellingTests(SynchronousTestCase):
    """Each thing that a client does, once and in order."""

    @override
    def setUp(self) -> None:
        self.telling = Telling()

    def test_events(self) -> None:
        """What a client does from its first to its last."""
        client = self.telling.client("a", "a")
        for cmd, group in (
            ("add_group", "b"), ("add_group", "b"), ("leave_group", "b"), ("leave_group", "b"),
            ("leave_group", "never"), ("add_group", "c"),
        ):  # fmt: skip
            self.telling.command(client, cmd, group)
        self.telling.command(client, "send_to_group", "d", message="hé")
        client.lose()
        self.assertEqual(
            self.telling.told,
            [
                ("connect", "7:1"),
                ("join", "7:1", "a"),
                ("join", "7:1", "b"),
                ("leave", "7:1", "b"),
                ("join", "7:1", "c"),
                ("message", "7:1", "d"),
                ("leave", "7:1", "a"),
                ("leave", "7:1", "c"),
                ("disconnect", "7:1"),
            ],
        )
        self.assertEqual(
            self.telling.events[5],
            {
                "type": "message", "time": 1.5, "worker": 7, "connection": "7:1", "user": None,
                "group": "d", "content": "hé",
            },
        )  # fmt: skip

    def test_what_was_not_done(self) -> None:
        """Nothing is told of what was refused, or of who never got in."""
        self.telling.client("x" * 200).lose()
        half = Client(self.telling.factory)
        half.send(b"GET / HTTP/1.1\r\n")
        half.lose()
        self.assertEqual(self.telling.told, [])
        client = self.telling.client()
        self.telling.error = OutboxFull("full")
        self.telling.command(client, "send_to_group", "d", message="x")
        self.assertEqual(self.telling.told, [("connect", "7:1")])

    def test_too_many_groups(self) -> None:
        """A client that is closed for one group too many was in the others."""
        self.telling = Telling(groups=1)
        self.telling.client("a", "b").lose()
        kinds = [event["type"] for event in self.telling.events]
        self.assertEqual(kinds, ["connect", "join", "leave", "disconnect"])

    def test_another_id(self) -> None:
        """A worker draws another id: who was greeted with the old one is told of by that."""
        old = self.telling.client("a")
        self.telling.factory.audience.worker = WorkerID(8)
        new = self.telling.client()
        old.lose()
        new.lose()
        self.assertEqual(
            self.telling.told,
            [
                ("connect", "7:1"),
                ("join", "7:1", "a"),
                ("connect", "8:2"),
                ("leave", "7:1", "a"),
                ("disconnect", "7:1"),
                ("disconnect", "8:2"),
            ],
        )

    def test_any_coming_and_going(self) -> None:
        """Whoever follows the events knows at any time who is there, and in which groups."""
        run_machine(FollowerMachine, examples=40, steps=30)


class FollowerMachine(RuleBasedStateMachine):
    """Clients that do anything, and somebody who only has what is told."""

    there = Bundle("there")
    groups = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.telling = Telling(groups=2, client_frames=0)

    @rule(target=there, named=st.lists(groups, max_size=2))
    def come(self, named: list[str]) -> Client:
        return self.telling.client(*named)

    @rule(client=consumes(there))
    def go(self, client: Client) -> None:
        client.lose()

    @rule(client=there, cmd=st.sampled_from(["add_group", "leave_group"]), group=groups)
    def do(self, client: Client, cmd: str, group: str) -> None:
        self.telling.command(client, cmd, group)

    @override
    def teardown(self) -> None:
        members: dict[str, set[str]] = {}
        for event in self.telling.events:
            connection = event["connection"]
            if event["type"] == "connect":
                assert connection not in members
                members[connection] = set()
            elif event["type"] == "disconnect":
                assert not members.pop(connection)
            elif event["type"] == "join":
                assert event["group"] not in members[connection]
                members[connection].add(event["group"])
            else:
                members[connection].remove(event["group"])
        audience = self.telling.factory.audience
        assert len(members) == len(audience)
        for connection, groups in members.items():
            joined = audience.joined(int(connection.split(":")[1]))  # type: ignore[arg-type]
            assert {f"group/{group}" for group in groups} == set(joined)
