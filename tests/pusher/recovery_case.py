"""What the tests of clients that come back to a group have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from tests.pusher.client import Client
from tests.pusher.test_v1 import V1Case
from tpush.message import Message, Position, Target, group_event
from tpush.pusher.v1.subscribing import PAUSE
from tpush.recalled import Place, Recalled, check_places

NEWS, SPORT = group_event("news"), group_event("sport")


def at(offset: int, epoch: str = "e") -> Mapping[str, Any]:
    return {"offset": offset, "epoch": epoch}


def message(offset: int, data: str = "", event: str = NEWS, but: Sequence[Target] = ()) -> Message:
    content = (data or f"{offset}").encode()
    return Message(event, content, but=tuple(but), positions=((event, Position("e", offset)),))


def recalled(newest: int, count: int = 0, event: str = NEWS) -> Recalled:
    """Return the last *count* messages of an event."""
    kept = range(newest - count + 1, newest + 1)
    return Recalled(Position("e", newest), tuple(message(each, event=event) for each in kept))


class RecoveryCase(V1Case):
    """Asks a channel that answers when the test has it do so."""

    @override
    def setUp(self) -> None:
        self.asked: list[tuple[Sequence[Place], int]] = []
        self.waiting: list[Deferred[Sequence[Recalled]]] = []
        super().setUp()

    @override
    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        self.asked.append((check_places(places), most))
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def answer(self, *told: Recalled) -> None:
        self.waiting.pop(0).callback(told)
        self.clock.advance(PAUSE * sum(len(each.messages) for each in told))

    def come_back(self, client: Client, offset: int, group: str = "news", **more: Any) -> None:
        self.ask(client, type="subscribe", group=group, since=at(offset), **more)

    def live(self, offset: int, event: str = NEWS) -> None:
        self.factory.fanout.send(message(offset, event=event))
        self.clock.advance(0)

    def got(self, client: Client) -> list[Any]:
        """Return what a client was told after its welcome: contents of messages, others whole."""
        return [
            said["data"] if said["type"] == "message" else said for said in self.said(client)[1:]
        ]
