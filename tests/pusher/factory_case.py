"""A factory of connections, and messages for them."""

from dataclasses import replace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.pusher.client import Client
from tpush.limits import Limits
from tpush.message import BROADCAST, ConnectionID, Message, WorkerID, worker_event
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.factory import PusherFactory


class FactoryCase(SynchronousTestCase):
    """Has a factory of connections, on a clock."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.factory = self.make()

    def make(self, **limits: Any) -> PusherFactory:
        return PusherFactory(WorkerID(7), self.clock, replace(Limits(), **limits))

    def publish(self, data: bytes, *, text: bool = True, connection: int | None = None) -> None:
        target = None if connection is None else ConnectionID(connection)
        event = BROADCAST if target is None else worker_event(WorkerID(7))
        self.factory.fanout.send(Message(event, data, text, target))
        self.clock.advance(0)

    def slow(self, policy: SlowPolicy, **limits: Any) -> Client:
        """Return a client whose transport has as much as it is to have."""
        self.factory = PusherFactory(
            WorkerID(7), self.clock, replace(Limits(), pending=20, **limits), slow=policy
        )
        client = Client(self.factory).open()
        client.connection.pauseProducing()
        return client
