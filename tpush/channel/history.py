"""The last messages of groups, for those who come back. Pure.

A message of a group that keeps history has an offset there: one more than the message before it, in
an epoch, which is the broker's. Whoever knows the offset of the last one that he has had can be
given what came after it, as long as that reaches back so far.

What is kept of a group is bounded in number and in age, and all of it together in bytes: the group
that was published to longest ago loses its oldest messages first. Its offsets are remembered for
longer than its messages are, and those of a group that had to be forgotten go on above them: an
offset is never given twice.

A message that another broker may have delivered before is not kept: who has had it would be given
it again. The epoch ends with it, so that nobody who has not had it is told that nothing is missing.
"""

import re
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import NamedTuple

from tpush.channel.inbox import Seen
from tpush.limits import MAX_CONTENT, Limits
from tpush.message import Message, Position, group_event
from tpush.recalled import Recalled

GROUP = group_event("")
"""What the events of groups begin with."""

KEPT_BYTES = 500
"""What one message that is kept takes besides its content."""

MOST_RECALLED = MAX_CONTENT
"""Bytes, all of a message counted, that one answer tells of: a box has to carry it."""


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """What is kept of some groups.

    Args:
        pattern: of their names, with ``*`` and ``?``.
        messages: that are kept of each, at most.
        seconds: for which one is kept.
    """

    pattern: str
    messages: int
    seconds: float


Name = tuple[bytes, int]
"""Of a message in the whole cluster: its publisher's key and number."""

MOST_PUBLISHERS = 100
"""Of one group, whose newest message is known by name."""


class _Kept(NamedTuple):
    offset: int
    time: float
    message: Message
    size: int


class _Log:
    """The last messages of one group."""

    __slots__ = ("kept", "names", "time", "top")

    def __init__(self, top: int) -> None:
        self.top = top
        """The offset of the newest message that there was."""
        self.time = 0.0
        """When the newest was published."""
        self.kept: deque[_Kept] = deque()
        self.names: OrderedDict[bytes, int] = OrderedDict()
        """The number of the newest message of each publisher."""

    def note(self, name: Name) -> None:
        """Note that a message of that name was published."""
        publisher, number = name
        self.names[publisher] = number
        self.names.move_to_end(publisher)
        if len(self.names) > MOST_PUBLISHERS:
            self.names.popitem(last=False)


class _Shelf:
    """The groups of one rule, in the order in which they were last published to."""

    __slots__ = ("logs", "match", "rule")

    def __init__(self, rule: HistoryRule) -> None:
        self.rule = rule
        self.match = re.compile(translate(rule.pattern)).match
        self.logs: OrderedDict[str, _Log] = OrderedDict()

    @property
    def oldest(self) -> float:
        """When the group that was published to longest ago was."""
        return next(iter(self.logs.values())).time


class History:
    """What is kept of all groups.

    Args:
        name: begins the names of epochs; no other history has the same.
        rules: the first whose pattern a group's name has counts; others keep nothing.
        limits: ``history_bytes`` of messages in all, ``history_groups`` whose offsets are
            remembered.
    """

    def __init__(self, name: str, rules: Sequence[HistoryRule], limits: Limits) -> None:
        self._name = self._epoch = name
        self._epochs = 1
        self._shelves = [_Shelf(rule) for rule in rules]
        self._most_bytes = limits.history_bytes
        self._most_groups = limits.history_groups
        self._offsets: OrderedDict[str, int] = OrderedDict()
        """Of groups of which no message is kept: the offset of the newest that there was."""
        self._forgotten = 0
        """No group that was forgotten had a higher offset."""
        self._bytes = 0
        self._seen = Seen(limits.remember, 0)

    @property
    def held(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def __len__(self) -> int:
        """Count the messages that are kept."""
        return sum(len(log.kept) for shelf in self._shelves for log in shelf.logs.values())

    def keep(self, message: Message, name: Name, now: float) -> Message:
        """Keep a message for the groups that it is for; one that was kept before is not again.

        Args:
            message: what was published.
            name: of it.
            now: the time.

        Returns:
            The message, with its positions where it has any.
        """
        if not self._shelves:
            return message
        events = dict.fromkeys(event for event, one in message.targets if one is None)
        shelves = [(event, shelf) for event in events if (shelf := self._shelf(event))]
        if not shelves or not self._seen.new(*name, now):
            return message
        logs = [(event, shelf, self._open(event, shelf, now)) for event, shelf in shelves]
        positions = tuple((event, Position(self._epoch, log.top + 1)) for event, _, log in logs)
        kept = message._replace(ticket=None, also=(), positions=positions)
        for event, shelf, log in logs:
            log.top += 1
            size = kept.size + KEPT_BYTES
            log.kept.append(_Kept(log.top, now, kept._replace(event=event), size))
            log.note(name)
            self._bytes += size
            self._expire(log, shelf.rule, now)
        while self._bytes > self._most_bytes:
            self._make_room()
        return message._replace(positions=positions)

    def pass_over(self, message: Message) -> None:
        """Begin another epoch, where a message is for a group that keeps history."""
        if not any(self._shelf(event) for event, _ in message.targets):
            return
        self._epochs += 1
        self._epoch = f"{self._name}.{self._epochs}"
        for shelf in self._shelves:
            while shelf.logs:
                self._close(shelf)

    def recall(
        self, event: str, since: Position | None, most: int, now: float
    ) -> tuple[Recalled, tuple[Name, ...]]:
        """Return what was published to a group after a position, as far as it is kept.

        Args:
            event: of the group.
            since: None asks for the newest position alone.
            most: bytes of contents; where there are more, or more than a box carries, the newest
                of them are returned.
            now: the time.

        Returns:
            What there is, and the name of the newest message of each publisher.
        """
        shelf = self._shelf(event)
        if shelf is None:
            return Recalled(), ()
        log = shelf.logs.get(event)
        if log is None:
            return Recalled(Position(self._epoch, self._offsets.get(event, self._forgotten))), ()
        self._expire(log, shelf.rule, now)
        position, names = Position(self._epoch, log.top), tuple(log.names.items())
        if since is None or since.epoch != self._epoch:
            return Recalled(position), names
        missed: deque[Message] = deque()
        room = MOST_RECALLED
        for kept in reversed(log.kept):
            most -= len(kept.message.data)
            room -= kept.size
            if min(most, room) < 0 or kept.offset <= since.offset:
                break
            missed.appendleft(kept.message)
        return Recalled(position, tuple(missed)), names

    def due(self) -> float | None:
        """Return when :meth:`forget` has something to do."""
        times = (shelf.oldest + shelf.rule.seconds for shelf in self._shelves if shelf.logs)
        return min(times, default=None)

    def forget(self, now: float) -> None:
        """Let go of groups of which all messages are too old."""
        for shelf in self._shelves:
            while shelf.logs and shelf.oldest + shelf.rule.seconds <= now:
                self._close(shelf)

    def _shelf(self, event: str) -> _Shelf | None:
        if not event.startswith(GROUP):
            return None
        name = event.removeprefix(GROUP)
        return next((shelf for shelf in self._shelves if shelf.match(name)), None)

    def _open(self, event: str, shelf: _Shelf, now: float) -> _Log:
        log = shelf.logs.get(event)
        if log is None:
            log = shelf.logs[event] = _Log(self._offsets.pop(event, self._forgotten))
        else:
            shelf.logs.move_to_end(event)
        log.time = now
        return log

    def _close(self, shelf: _Shelf) -> None:
        """Keep of the group that was published to longest ago nothing but its offset."""
        event, log = shelf.logs.popitem(last=False)
        while log.kept:
            self._drop(log)
        self._offsets[event] = log.top
        if len(self._offsets) > self._most_groups:
            _, offset = self._offsets.popitem(last=False)
            self._forgotten = max(self._forgotten, offset)

    def _expire(self, log: _Log, rule: HistoryRule, now: float) -> None:
        while len(log.kept) > rule.messages or (
            log.kept and log.kept[0].time + rule.seconds <= now
        ):
            self._drop(log)

    def _drop(self, log: _Log) -> None:
        self._bytes -= log.kept.popleft().size

    def _make_room(self) -> None:
        shelf = min((shelf for shelf in self._shelves if shelf.logs), key=lambda each: each.oldest)
        log = next(iter(shelf.logs.values()))
        if len(log.kept) > 1:
            self._drop(log)
        else:
            self._close(shelf)
