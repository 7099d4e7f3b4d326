"""Recovery over a whole cluster in memory: what a client has is without a gap, or it is told."""

import json
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.cluster import Cluster
from tests.channel.pipes import PipeEndpoint
from tests.channel.properties import randoms, told
from tests.pusher.client import Client
from tests.pusher.websocket import TEXT, client_frame
from tpush.access import Origins
from tpush.channel.history import HistoryRule
from tpush.limits import Limits
from tpush.message import group_event
from tpush.pusher.admission import Admission
from tpush.pusher.rights import Right, Rights
from tpush.pusher.service import PusherService

GROUP = "room"
PUBLISHERS = 2
STEPS = 60


class Phone:
    """A client that loses its connection again and again, and what it has got over all of them.

    What it has is cut into runs: one ends where it is told that something may be missing.
    """

    def __init__(self) -> None:
        self.client: Client | None = None
        self.read = 0
        self.since: dict[str, Any] | None = None
        self.runs: list[list[list[int]]] = []
        self.recovered = 0
        self.refused = 0

    def connect(self, worker: PusherService) -> None:
        headers = [b"Sec-WebSocket-Protocol: tpush.v1"]
        self.client = Client(worker.factory).open(headers=headers)
        self.read = 0
        known = {} if self.since is None else {"since": self.since}
        said = {"type": "subscribe", "group": GROUP, **known}
        self.client.send(client_frame(TEXT, json.dumps(said).encode()))

    def lose(self) -> None:
        self.look()
        if self.client is not None:
            self.client.lose()
            self.client = None

    def look(self) -> None:
        """Read what has come."""
        if self.client is None:
            return
        frames = self.client.frames
        for _, payload in frames[self.read :]:
            self.take(json.loads(payload))
        self.read = len(frames)

    def take(self, said: dict[str, Any]) -> None:
        if said["type"] == "subscribed":
            self.recovered += said.get("recovered") is True
            if not said.get("recovered"):
                self.runs.append([])
        elif said["type"] == "message":
            self.runs[-1].append(said["data"])
        else:
            self.refused += said["type"] == "error"
        if "offset" in said:
            self.since = {"offset": said["offset"], "epoch": said["epoch"]}


class LateEndpoint(PipeEndpoint):
    """Does not reach the channel for a while."""

    away = False

    @override
    def connect(self, protocolFactory: Any) -> "Deferred[Any]":
        if self.away:
            return fail(ConnectionRefusedError())
        return super().connect(protocolFactory)


class Workers:
    """Some workers in one cluster, publishers, and phones."""

    def __init__(self, random: Random) -> None:
        self.random = random
        rules = [HistoryRule("*", random.choice([5, 1_000]), random.choice([1, 1_000]))]
        limits = Limits(ping_interval=0, linger=600)
        self.cluster = Cluster(limits, seed=random.randrange(2**32), history=rules)
        self.cluster.start()
        self.endpoints = [LateEndpoint(self.cluster.network) for _ in range(PUBLISHERS)]
        self.publishers = [self.cluster.channel(endpoint=each) for each in self.endpoints]
        self.workers = [self.worker() for _ in range(2)]
        self.phones = [Phone() for _ in range(4)]
        self.published = [0] * PUBLISHERS
        self.run(1)

    def worker(self) -> PusherService:
        service = PusherService(
            self.cluster.channel("worker"),
            [],
            reactor=self.cluster.clock,
            limits=self.cluster.limits,
            admission=Admission(Origins(), rights=Rights(Right.OPEN)),
            entropy=self.cluster.random.randbytes,
        )
        service.startService()
        return service

    def run(self, seconds: float) -> None:
        self.cluster.run(seconds)
        for phone in self.phones if hasattr(self, "phones") else ():
            phone.look()

    def step(self) -> None:
        chance = self.random.random()
        phone = self.random.choice(self.phones)
        if chance < 0.5:
            for _ in range(self.random.randrange(1, 5)):
                self.publish(self.random.randrange(PUBLISHERS))
        elif chance < 0.9:
            phone.lose()
            if self.random.random() < 0.8:
                phone.connect(self.random.choice(self.workers))
        elif chance < 0.95:
            self.cluster.network.cut()
        elif chance < 0.97 and self.cluster.server is not None:
            self.cluster.kill()
            self.random.choice(self.endpoints).away = True
        elif self.cluster.server is None:
            self.cluster.start(settle=2)
        else:
            self.all_there()
        self.run(self.random.choice([0.0, 0.0005, 0.003, 0.2]))

    def all_there(self) -> None:
        for endpoint in self.endpoints:
            endpoint.away = False

    def publish(self, which: int) -> None:
        self.published[which] += 1
        said = json.dumps([which, self.published[which]])
        self.publishers[which].publish(group_event(GROUP), said, json=True)

    def end(self) -> None:
        """Let all come back, and have one message more of each publisher."""
        self.all_there()
        if self.cluster.server is None:
            self.cluster.start(settle=2)
        self.run(8)
        for phone in self.phones:
            phone.lose()
            phone.connect(self.random.choice(self.workers))
        self.run(2)
        for which in range(PUBLISHERS):
            self.publish(which)
        self.run(1)


class SeamTests(SynchronousTestCase):
    """Publishes run all the while, phones come and go, links are cut and channels die."""

    def test_seam(self) -> None:
        """A run has all of each publisher from its first on, once and in order, the last too."""
        recovered = 0
        for name, random in randoms(40):
            workers = Workers(random)
            for _ in range(STEPS):
                workers.step()
            workers.end()
            with told(name):
                for phone in workers.phones:
                    for which, newest in enumerate(workers.published):
                        self.check(phone, which, newest)
                    recovered += phone.recovered
        self.assertGreater(recovered, 200)

    def check(self, phone: Phone, which: int, newest: int) -> None:
        self.assertEqual(phone.refused, 0)
        for run in phone.runs:
            numbers = [number for publisher, number in run if publisher == which]
            first = numbers[0] if numbers else 0
            self.assertEqual(numbers, list(range(first, first + len(numbers))))
        self.assertEqual(numbers[-1], newest)
