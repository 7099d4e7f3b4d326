"""Defects of the roles at the edge: those that hold clients, and those that take requests."""

from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, succeed

from tests.simulation.defects.defect import Defect
from tpush.channel.end import ChannelEnd
from tpush.channel.items import Publish
from tpush.errors import OutboxFull
from tpush.publisher.seed import Seed
from tpush.pusher.audience import Audience
from tpush.pusher.backlog import Backlog, BacklogFull
from tpush.pusher.connection import Connection
from tpush.pusher.fanout import FanOut


def address_reused(_: Any) -> Any:
    def add(self: Any, member: Any) -> int:
        connection = next(number for number in count(1) if number not in self._members)
        self._members[connection] = member
        return connection

    return add


def audiences_mixed(sound: Any) -> Any:
    def send(self: Any, message: Any) -> None:
        waiting, self._waiting = self._waiting, []
        sound(self, message)
        self._waiting = [*waiting, *self._waiting]

    return send


def newest_first(_: Any) -> Any:
    def take(self: Any) -> Any:
        if not self._waiting:
            return None
        frames, _ = self._waiting.pop()
        self.size -= len(frames)
        return frames

    return take


def dropped_quietly(sound: Any) -> Any:
    def add(self: Any, frames: bytes, messages: int) -> Any:
        try:
            return sound(self, frames, messages)
        except BacklogFull:
            return messages

    return add


def backlog_left(_: Any) -> Any:
    def resume(self: Any) -> None:
        self._paused = False
        if self._backlog is not None and (frames := self._backlog.take()) is not None:
            self.transport.write(frames)

    return resume


def ok_whatever_happened(sound: Any) -> Any:
    def answer(self: Any, request: Any) -> Any:
        try:
            return sound(self, request)
        except OutboxFull:
            return b"ok"

    return answer


def answered_too_soon(sound: Any) -> Any:
    def hold(self: Any, request: Any) -> Any:
        if isinstance(request, Publish) and request.message.ticket is None:
            return self.clock.callLater(0.05, sound, self, request)
        return sound(self, request)

    return hold


def not_waited_for(sound: Any) -> Any:
    def close(self: Any) -> Any:
        if self._closing is None:
            held: Deferred[None] = succeed(None)
            self._closing = Deferred()
            _done = Deferred.fromCoroutine(self._close(held)).chainDeferred(self._closing)
        return self._closing

    return close


PROGRAM_DEFECTS = (
    Defect("an address is given again when its connection has gone",
           Audience, "add", address_reused),
    Defect("a run of messages is not flushed before another audience's",
           FanOut, "send", audiences_mixed),
    Defect("a slow client gets the newest first", Backlog, "take", newest_first),
    Defect("a slow client misses what is too much, and is not closed",
           Backlog, "add", dropped_quietly),
    Defect("a client that reads again gets one frame of what waits",
           Connection, "resumeProducing", backlog_left),
    Defect("a publish is answered ok though nothing more can be held",
           Seed, "answer", ok_whatever_happened),
    Defect("a publish is answered before it is held",
           ChannelEnd, "_hold", answered_too_soon),
    Defect("a publisher stops before what it holds is acknowledged",
           ChannelEnd, "close", not_waited_for),
)  # fmt: skip
