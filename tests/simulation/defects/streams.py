"""Defects of the two numbered streams: what is sent again, acknowledged, let go of."""

from typing import Any

from tests.simulation.defects.defect import Defect
from tpush.channel.broker import Broker
from tpush.channel.client import AMPChannel
from tpush.channel.end import ChannelEnd
from tpush.channel.inbox import Ledger, Seen
from tpush.channel.outbox import Outbox
from tpush.channel.server import ChannelServer


def lost_acknowledgement(sound: Any) -> Any:
    def attach(self: Any, link: Any, *arguments: Any) -> Any:
        session = sound(self, link, *arguments)
        link._told = session.ledger.acknowledged
        return session

    return attach


def resend_not_recognised(_: Any) -> Any:
    return lambda self, origin, number, now: True


def seen_forgotten(sound: Any) -> Any:
    def attached(self: Any, link: Any, session: bytes) -> Any:
        if session != self.session:
            self._seen = Seen(self.limits.remember, self.clock.seconds())
        return sound(self, link, session)

    return attached


def never_rewound(_: Any) -> Any:
    return lambda self: None


def rewound_backwards(_: Any) -> Any:
    def rewind(self: Any) -> None:
        self._waiting.extendleft(self._sent)
        self._sent.clear()

    return rewind


def not_sent_again(_: Any) -> Any:
    def rejoin(self: Any, session: Any, peer: Any, acknowledged: int) -> None:
        self.acknowledge(session, acknowledged)
        self._release_worker(session)
        session.peer = peer
        session.connected = True
        self._queues.set_away(session, away=False)
        self._lingering.pop(session, None)

    return rejoin


def one_too_many(sound: Any) -> Any:
    def acknowledge(self: Any, number: int) -> Any:
        freed = sound(self, number)
        if freed and self._sent:
            _, item, size = self._sent.popleft()
            self._held -= size
            freed.append(item)
        return freed

    return acknowledge


def over_the_unsettled(_: Any) -> Any:
    def advance(self: Any) -> bool:
        settled = [pending for pending in self._pending if not pending.waiting]
        for pending in settled:
            self._pending.remove(pending)
            self.acknowledged = max(self.acknowledged, pending.number)
        return bool(settled)

    return advance


def missed_in_silence(_: Any) -> Any:
    def missed(self: Any, number: int) -> None:
        self.received = number

    return missed


def late_in_silence(sound: Any) -> Any:
    def restore(self: Any, session: Any, *named: Any) -> None:
        if session.peer.worker is not None:
            session.had = None
        sound(self, session, *named)

    return restore


def acknowledged_unasked(_: Any) -> Any:
    def deliver(self: Any, session: Any, delivery: Any) -> None:
        session.outbox.append(delivery, len(delivery.message.data))
        self._changed[session] = None

    return deliver


def settle_skipped(sound: Any) -> Any:
    def clear(self: Any) -> Any:
        sound(self)
        return []

    return clear


def number_kept(sound: Any) -> Any:
    def attached(self: Any, link: Any, session: bytes) -> Any:
        received = self.received
        changes = sound(self, link, session)
        self.received = received
        return changes

    return attached


STREAM_DEFECTS = (
    Defect("an acknowledgement that was lost with its link is not sent again",
           ChannelServer, "attach", lost_acknowledgement),
    Defect("a message that is sent again is not recognised", Seen, "new", resend_not_recognised),
    Defect("what was seen is forgotten with the session",
           AMPChannel, "attached", seen_forgotten),
    Defect("nothing is sent again", Outbox, "rewind", never_rewound),
    Defect("what is sent again is sent backwards", Outbox, "rewind", rewound_backwards),
    Defect("the channel sends nothing again", Broker, "_rejoin", not_sent_again),
    Defect("an acknowledgement lets go of one too many", Outbox, "acknowledge", one_too_many),
    Defect("what is not settled is acknowledged with what is",
           Ledger, "advance", over_the_unsettled),
    Defect("the channel acknowledges what workers have not", Broker, "_deliver",
           acknowledged_unasked),
    Defect("what a worker held that is gone is not settled", Outbox, "clear", settle_skipped),
    Defect("a new session goes on with the old one's numbers",
           AMPChannel, "attached", number_kept),
    Defect("a worker is told that it has missed something, and its clients are not",
           ChannelEnd, "missed", missed_in_silence),
    Defect("a worker that comes back too late is not told", Broker, "restore", late_in_silence),
)  # fmt: skip
