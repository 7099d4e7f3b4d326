"""Defects of links: made, lost, found dead, made again."""

from dataclasses import replace
from typing import Any

from tests.simulation.defects.defect import Defect
from tpush.channel import client, wire
from tpush.channel.client import AMPChannel
from tpush.channel.end import ChannelEnd
from tpush.channel.link import Link
from tpush.channel.peer_link import PeerLink
from tpush.channel.server import ChannelServer


def silence_not_noticed(_: Any) -> Any:
    def beat(self: Any) -> None:
        self._beat = self.clock.callLater(self.limits.heartbeat, self._on_beat)
        self.send(wire.Ping)

    return beat


def flush_forgotten(_: Any) -> Any:
    def resume(self: Any) -> None:
        self._paused = False

    return resume


def timer_left(sound: Any) -> Any:
    def lost(self: Any, reason: Any) -> None:
        self._beat = None
        sound(self, reason)

    return lost


def superseded_counts(_: Any) -> Any:
    return lambda self: self.abort()


def loss_not_told(_: Any) -> Any:
    def lost(self: Any, link: Any, session: Any) -> None:
        self._open.discard(link)
        self._links.pop(session, None)

    return lost


def gives_up(sound: Any) -> Any:
    def failed(self: Any, error: Exception) -> None:
        sound(self, error)
        self._failures = getattr(self, "_failures", 0) + 1
        self._connection._stopping = self._failures > 3

    return failed


def comes_back_late(sound: Any) -> Any:
    return lambda first, most, jitter: sound(4 * first, 4 * most, jitter=jitter)


def subscriptions_lost(sound: Any) -> Any:
    def take_all(self: Any, *, resumed: bool) -> Any:
        changes = sound(self, resumed=resumed)
        before, self._named = getattr(self, "_named", False), True
        return replace(changes, subscribe=[]) if before else changes

    return take_all


def watches_lost(sound: Any) -> Any:
    def take_all(self: Any, *, resumed: bool) -> Any:
        changes = sound(self, resumed=resumed)
        before, self._named = getattr(self, "_named", False), True
        return replace(changes, watch=[]) if before else changes

    return take_all


LINK_DEFECTS = (
    Defect("a silent peer is not taken for dead", Link, "_on_beat", silence_not_noticed),
    Defect("a flush is forgotten when a transport takes more again",
           Link, "resumeProducing", flush_forgotten),
    Defect("a timer runs on when its link is lost", Link, "connectionLost", timer_left),
    Defect("a link that was superseded still counts", PeerLink, "supersede", superseded_counts),
    Defect("the broker is not told that a link is lost", ChannelServer, "lost", loss_not_told),
    Defect("a program tries four times and gives up", AMPChannel, "_failed", gives_up),
    Defect("a program comes back later than the channel waits",
           client, "backoffPolicy", comes_back_late),
    Defect("subscriptions do not come back", ChannelEnd, "take_all", subscriptions_lost),
    Defect("watches do not come back", ChannelEnd, "take_all", watches_lost),
)  # fmt: skip
