"""Defects of the broker: sessions, routes, the time after its start, queues."""

from typing import Any

from tests.simulation.defects.defect import Defect
from tpush.channel.broker import Broker
from tpush.channel.hub import Hub
from tpush.channel.queues import Queues


def nothing_held(sound: Any) -> Any:
    return lambda self, instance, limits, now, settle: sound(self, instance, limits, now, 0)


def forgotten_at_once(sound: Any) -> Any:
    def detach(self: Any, session: Any, now: float) -> None:
        sound(self, session, now)
        self.leave(session, now)

    return detach


def subscriptions_stay(_: Any) -> Any:
    return lambda self, peer: []


def acknowledged_unheard(sound: Any) -> Any:
    def attach(self: Any, peer: Any, known: Any, *numbers: int) -> Any:
        session = self._sessions.get(peer.key)
        return sound(self, peer, session.token if session else known, *numbers)

    return attach


def job_not_given_back(_: Any) -> Any:
    def leave(self: Any, consumer: Any, now: float) -> None:
        for name in self.watched(consumer):
            self.unwatch(consumer, name)
        self._reserved.pop(consumer, None)
        self._away.discard(consumer)

    return leave


ROUTING_DEFECTS = (
    Defect("a new channel routes before workers are back", Broker, "__init__", nothing_held),
    Defect("a session is forgotten as soon as its link is lost",
           Broker, "detach", forgotten_at_once),
    Defect("the subscriptions of who has left stay", Hub, "leave", subscriptions_stay),
    Defect("a number counts for a session that its peer never heard of",
           Broker, "attach", acknowledged_unheard),
    Defect("a job of a consumer that is gone is not given back",
           Queues, "leave", job_not_given_back),
)  # fmt: skip
