"""What has happened, in numbers: counters of one role, each from 0 when it starts."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PusherMetrics:
    """Counters of one worker.

    Args:
        opened: clients that finished their handshake.
        refused: clients whose handshake was refused, for where their page is from or their token.
        expired: clients that were closed since their token ran out.
        late: clients that did not finish their handshake in time.
        full: clients that found no room.
        crowded: clients whose address had as many connections as it may.
        drained: clients that were closed since their worker went away, or had missed something.
        flooding: clients that were closed since they sent too many frames.
        too_long: clients that were closed since a message of theirs was too long.
        silent: clients that were dropped since they did not answer a ping.
        slow_closed: clients that were closed since they did not read.
        slow_dropped: messages that a client did not get since it did not read.
        hook_events: events that ``--webhook`` took.
        hook_dropped: events that it was not told, or did not take.
        hook_failures: times that it did not take a batch.
        turned_away: clients that ``--connect-hook`` refused.
        unanswered: clients that were refused since ``--connect-hook`` did not answer as it should.
    """

    opened: int = 0
    refused: int = 0
    expired: int = 0
    late: int = 0
    full: int = 0
    crowded: int = 0
    drained: int = 0
    flooding: int = 0
    too_long: int = 0
    silent: int = 0
    slow_closed: int = 0
    slow_dropped: int = 0
    hook_events: int = 0
    hook_dropped: int = 0
    hook_failures: int = 0
    turned_away: int = 0
    unanswered: int = 0


@dataclass(slots=True)
class Traffic:
    """What goes through one worker; counted where it is written, once for each batch.

    Args:
        messages: that came from the channel.
        deliveries: messages that were given to a client's connection, each for each; a client that
            does not read may have ``slow_dropped`` of them dropped after that.
    """

    messages: int = 0
    deliveries: int = 0


RATED = ("opened", "messages", "deliveries")
"""Those of a worker's counters that a rate is told of, too."""


@dataclass(slots=True)
class PublisherMetrics:
    """What a publisher counts.

    Args:
        refused: requests that were refused, by status.
        receipts: receipts, by the status of their answer.
        full: connections that found no room.
    """

    refused: Counter[int] = field(default_factory=Counter)
    receipts: Counter[int] = field(default_factory=Counter)
    full: int = 0


@dataclass(slots=True)
class ChannelMetrics:
    """What a channel counts.

    Args:
        refused: peers that were refused: their secret, their version, their worker id.
        violations: links that were closed since their peer broke the protocol.
        queue_full: jobs that found no room.
        stalled: peers that were given up, since they did not take what waited for them.
        repeated: publishes that were not sent again, as their key was had before.
        recalled: messages that were sent again to workers, for clients that came back.
        missed: peers that came back too late, and were told that they may have missed something.
    """

    refused: int = 0
    violations: int = 0
    queue_full: int = 0
    stalled: int = 0
    repeated: int = 0
    recalled: int = 0
    missed: int = 0


@dataclass(slots=True)
class ListenerMetrics:
    """Counters of what listens in one process.

    Args:
        shortages: times that new clients had to wait since no descriptor was left for them.
        pauses: times that they had to wait since there were as many handshakes as there may be.
    """

    shortages: int = 0
    pauses: int = 0
