"""Clients in groups, and the connections of one user."""

import json
import time
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tests.pusher.client import Client
from tests.pusher.group_case import OPEN, GroupCase
from tests.pusher.websocket import BINARY, CLOSE, TEXT, client_frame
from tpush.errors import OutboxFull, TooManySubscriptions
from tpush.message import BROADCAST, ConnectionID, Message, WorkerID, group_event, user_event
from tpush.pusher.admission import Auth
from tpush.pusher.audience import Audience
from tpush.pusher.groups import NOWHERE, Groups, TooManyGroups
from tpush.pusher.rights import Right, Rights


class GroupTests(GroupCase):
    """Whoever is in a group has what is published to it, and nobody else."""

    def command(self, client: Client, cmd: str, group: str, **more: str) -> None:
        said = json.dumps({"cmd": cmd, "group_id": group, **more})
        client.send(client_frame(TEXT, said.encode()))

    def assertGot(self, client: Client, *contents: str) -> None:  # noqa: N802
        got = [data.decode() for opcode, data in client.frames[1:] if opcode == TEXT]
        self.assertEqual(got, list(contents))

    def assertClosed(self, client: Client, code: int, reason: str) -> None:  # noqa: N802
        opcode, payload = client.frames[-1]
        self.assertEqual(opcode, CLOSE)
        self.assertEqual(int.from_bytes(payload[:2], "big"), code)
        self.assertIn(reason, payload[2:].decode())

    def test_by_url(self) -> None:
        """A client is in the groups that its URL names, and has what is for all as well."""
        both, one, none = self.client("news", "sport"), self.client("news"), self.client()
        self.send(group_event("news"), "1")
        self.send(group_event("sport"), "2")
        self.send(group_event("other"), "3")
        self.send(BROADCAST, "4")
        self.assertGot(both, "1", "2", "4")
        self.assertGot(one, "1", "4")
        self.assertGot(none, "4")

    def test_by_command(self) -> None:
        """A client joins and leaves; what was published before it joined is not for it."""
        client = self.client()
        self.factory.fanout.send(Message(group_event("news"), b"before"))
        self.command(client, "add_group", "news")
        self.command(client, "add_group", "news")
        self.send(group_event("news"), "in")
        self.command(client, "leave_group", "news")
        self.command(client, "leave_group", "news")
        self.command(client, "leave_group", "never")
        self.send(group_event("news"), "after")
        self.assertGot(client, "in")

    def test_order(self) -> None:
        """What is for several audiences comes in the order in which it was published."""
        client = self.client("a", "b")
        for number, event in enumerate((group_event("a"), BROADCAST, group_event("b")) * 3):
            self.factory.fanout.send(Message(event, b"%d" % number))
        self.factory.fanout.send(Message("worker/7", b"mine", connection=ConnectionID(1)))
        self.clock.advance(0)
        self.assertGot(client, *map(str, range(9)), "mine")

    def test_subscriptions(self) -> None:
        """The channel is asked once for a group that anybody is in, and for no other."""
        first, second = self.client("news"), self.client("news", "sport")
        self.assertEqual(self.subscribed, [group_event("news"), group_event("sport")])
        first.lose()
        self.command(second, "leave_group", "sport")
        self.assertEqual(self.subscribed, [group_event("news")])
        second.lose()
        self.assertEqual(self.subscribed, [])

    def test_user(self) -> None:
        """All connections of a user have what is for the user."""
        self.start(Rights(), Auth.REQUIRED)
        ann, again, bob = self.client(sub="ann"), self.client(sub="ann"), self.client(sub="bob")
        self.send(user_event("ann"), "1")
        for client, got in ((ann, ["1"]), (again, ["1"]), (bob, [])):
            self.assertGot(client, *got)

    def test_rights_by_token(self) -> None:
        """By default a client joins what its token names, and is told where it may not."""
        self.start(Rights(), Auth.OPTIONAL)
        client = self.client("news", sub="ann", groups=["news", "sport"])
        self.command(client, "add_group", "sport")
        self.send(group_event("sport"), "1")
        self.assertGot(client, "1")
        self.command(client, "add_group", "secret")
        self.assertClosed(client, 4503, "may not join")
        refused = self.client("news")
        self.assertTrue(refused.head.startswith(b"HTTP/1.1 403 "), refused.head)
        page = Client(self.factory).open(path=b"/?group=news", origin=b"http://localhost")
        self.assertEqual(page.frames[0][0], CLOSE)
        self.assertEqual(self.subscribed, [user_event("ann"), *map(group_event, ("news", "sport"))])

    def test_joining_is_off(self) -> None:
        """Where nobody may join, a token changes nothing."""
        self.start(Rights(Right.OFF), Auth.REQUIRED)
        client = self.client(sub="ann", groups=["news"])
        self.command(client, "add_group", "news")
        self.assertClosed(client, 4503, "may not join")

    def test_publishing(self) -> None:
        """A client publishes where it may: by default nowhere."""
        client = self.client()
        self.command(client, "send_to_group", "news", message="hello")
        self.assertEqual(self.published, [(group_event("news"), "hello", False)])
        self.start(Rights(Right.OPEN, Right.TOKEN), Auth.REQUIRED)
        client = self.client(sub="ann", publish=["news"])
        self.command(client, "send_to_group", "news", message="again")
        self.assertEqual(self.published[1:], [(group_event("news"), "again", False)])
        self.command(client, "send_to_group", "sport", message="no")
        self.assertClosed(client, 4503, "may not publish")
        self.start(Rights())
        client = self.client()
        self.command(client, "send_to_group", "news", message="no")
        self.assertClosed(client, 4503, "may not publish")
        self.assertEqual(len(self.published), 2)

    def test_too_many(self) -> None:
        """A client is in as many groups as it may, and is closed for one more."""
        self.start(OPEN, groups=2)
        client = self.client("a")
        self.command(client, "add_group", "b")
        self.command(client, "leave_group", "a")
        self.command(client, "add_group", "c")
        self.assertEqual(len(client.frames), 1)
        self.command(client, "add_group", "d")
        self.assertClosed(client, 4503, "too many groups")
        self.assertClosed(self.client("a", "b", "c"), 4503, "too many groups")

    def test_names(self) -> None:
        """A group that cannot be called so is refused."""
        client = self.client()
        self.command(client, "add_group", "x" * 200)
        self.assertClosed(client, 4503, "called so")
        for group in b"x" * 200, b"":
            head = Client(self.factory).open(path=b"/?group=" + group).head
            self.assertTrue(head.startswith(b"HTTP/1.1 403 "), head)

    def test_no_room(self) -> None:
        """Where the worker can listen to no more, or hold no more, the client comes later."""
        client, other = self.client(), self.client("here")
        self.error = TooManySubscriptions("full")
        self.command(client, "add_group", "news")
        self.assertClosed(client, 1013, "later")
        self.assertClosed(self.client("news"), 1013, "later")
        self.error = OutboxFull("full")
        self.command(other, "send_to_group", "news", message="x")
        self.assertClosed(other, 1013, "later")
        self.error = None
        self.assertEqual(self.subscribed, [group_event("here")])

    def test_no_command(self) -> None:
        """What is no command is ignored, and so is one in a binary frame."""
        client = self.client()
        client.send(client_frame(TEXT, b"hello"))
        client.send(client_frame(BINARY, b'{"cmd":"add_group","group_id":"x"}'))
        half = rb'{"cmd":"send_to_group","group_id":"1","message":"\ud800"}'
        client.send(client_frame(TEXT, half))
        self.assertEqual((len(client.frames), self.subscribed, self.published), (1, [], []))

    def test_receipt(self) -> None:
        """Who is in a group is who a receipt counts."""
        self.client("news")
        receivers = self.factory.audience.receivers(Message(group_event("news"), b""))
        self.assertEqual(len(receivers), 1)

    def test_a_token_that_runs_out(self) -> None:
        """A client whose token has run out is in no group any more."""
        self.start(Rights(), Auth.REQUIRED)
        client = self.client(sub="ann", exp=time.time() + 60)
        self.clock.advance(70)
        self.assertClosed(client, 4401, "run out")
        client.lose()
        self.assertEqual(self.subscribed, [])


class JoiningTests(SynchronousTestCase):
    """What joining and leaving comes to, for whoever is told of it."""

    @override
    def setUp(self) -> None:
        self.audience: Audience[str] = Audience(WorkerID(7))
        self.groups = Groups(self.audience, 2, NOWHERE)
        self.member = self.audience.add("a")

    def join(self, event: str) -> bool:
        return self.groups.join(self.member, event)

    def leave(self, event: str) -> bool:
        return self.groups.leave(self.member, event)

    def test_again(self) -> None:
        """Whoever joins or leaves a second time does nothing new."""
        self.assertEqual([self.join("x"), self.join("x")], [True, False])
        self.assertEqual([self.leave("x"), self.leave("x")], [True, False])

    def test_again_at_the_bound(self) -> None:
        """A group that a member is in already is not one too many."""
        self.join("x")
        self.join("y")
        self.assertIs(self.join("x"), False)  # noqa: FBT003
        self.assertRaises(TooManyGroups, self.join, "z")

    def test_gone(self) -> None:
        """Of a member that is gone it is known what it was in, even where others are in it too."""
        self.groups.join(self.audience.add("b"), "x")
        self.join("x")
        self.join("y")
        self.assertEqual(self.groups.remove(self.member), ["x", "y"])
        self.assertEqual(list(self.audience.events), ["x"])

    def test_nothing_is_kept(self) -> None:
        """Of members that have left everything nothing is kept."""
        self.join("x")
        self.leave("x")
        self.assertEqual((self.audience._joined, self.audience._events), ({}, {}))


class AudienceMachineTests(SynchronousTestCase):
    def test_any_coming_and_going(self) -> None:
        """Whatever members join and leave, each event has those that a plain model says."""
        run_machine(AudienceMachine, examples=60, steps=40)


class AudienceMachine(RuleBasedStateMachine):
    """An audience beside sets."""

    there = Bundle("there")
    events = st.sampled_from(["group/a", "group/b", "user/a"])

    def __init__(self) -> None:
        super().__init__()
        self.audience: Audience[int] = Audience(WorkerID(1))
        self.model: dict[str, set[int]] = {}

    def gone(self, connection: int) -> Sequence[str]:
        lasts = [event for event, members in self.model.items() if members == {connection}]
        for members in self.model.values():
            members.discard(connection)
        return lasts

    @rule(target=there)
    def come(self) -> int:
        return self.audience.add(self.audience._last + 1)

    @rule(connection=consumes(there))
    def go(self, connection: int) -> None:
        lasts = self.audience.remove(ConnectionID(connection))
        assert sorted(lasts) == sorted(self.gone(connection))

    @rule(connection=there, event=events)
    def join(self, connection: int, event: str) -> None:
        members = self.model.setdefault(event, set())
        first = not members
        members.add(connection)
        assert self.audience.join(ConnectionID(connection), event) == first

    @rule(connection=there, event=events)
    def leave(self, connection: int, event: str) -> None:
        members = self.model.get(event, set())
        last = members == {connection}
        members.discard(connection)
        assert self.audience.leave(ConnectionID(connection), event) == last

    @invariant()
    def same(self) -> None:
        for event, members in self.model.items():
            assert set(self.audience.receivers(Message(event, b""))) == members
        assert set(self.audience._events) == {e for e, members in self.model.items() if members}
