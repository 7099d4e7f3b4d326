"""What the channel itself tells: which groups have members, and which workers are gone."""

import json
from typing import Any

from tests.channel.cluster import forget
from tests.channel.contract.case import ContractCase
from tpush.message import GONE, OCCUPANCY, Message, WorkerID, group_event

ROOM = group_event("room")


class Announcements(ContractCase):
    """What the channel itself tells: which groups have members, and which workers are gone."""

    def said(self, got: list[Message]) -> list[Any]:
        """Return what was told; it is forgotten."""
        self.settle()
        said = [json.loads(message.data) for message in got]
        got.clear()
        return said

    def test_occupancy(self) -> None:
        """One who listens is told of the first who subscribes to a group, and of the last."""
        _listening, got = self.listener(OCCUPANCY)
        a, b = self.made(), self.made()
        for channel in a, b:
            channel.subscribe(ROOM, lambda _: None)
            channel.subscribe("user/ann", lambda _: None)
            self.settle()
        self.assertEqual(self.said(got), [{"type": "occupied", "group": "room"}])
        a.unsubscribe(ROOM)
        self.assertEqual(self.said(got), [])
        forget(b.close())
        self.assertEqual(self.said(got), [{"type": "vacated", "group": "room"}])

    def test_one_of_several(self) -> None:
        """Of several who listen one is told, in turn; one who has left is not."""
        a, first = self.listener(OCCUPANCY)
        _b, second = self.listener(OCCUPANCY)
        c = self.made()
        for _ in range(4):
            c.subscribe(ROOM, lambda _: None)
            self.settle()
            c.unsubscribe(ROOM)
            self.settle()
        self.assertEqual((len(first), len(second)), (4, 4))
        forget(a.close())
        c.subscribe(ROOM, lambda _: None)
        self.settle()
        self.assertEqual((len(first), len(second)), (4, 5))

    def test_itself(self) -> None:
        """One who listens is told of what it subscribes to itself."""
        a, got = self.listener(OCCUPANCY)
        a.subscribe(ROOM, lambda _: None)
        self.settle()
        a.unsubscribe(ROOM)
        self.assertEqual([said["type"] for said in self.said(got)], ["occupied", "vacated"])

    def test_gone(self) -> None:
        """All who listen are told of a worker that is gone, and of nobody else."""
        _a, first = self.listener(GONE)
        _b, second = self.listener(GONE)
        worker, program = self.made(), self.made()
        worker.claim(WorkerID(5), lambda: None)
        self.settle()
        for channel in program, worker:
            forget(channel.close())
            self.settle()
        self.assertEqual((self.said(first), self.said(second)), ([{"worker": 5}], [{"worker": 5}]))
