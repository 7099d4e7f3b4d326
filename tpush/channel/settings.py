"""The options of a channel that its roles share, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

from tpush.channel.history import HistoryRule
from tpush.options import broker
from tpush.options.option import Option

BROKER_OPTIONS: Sequence[Option] = (
    broker.JOB_ATTEMPTS,
    broker.MAX_QUEUES,
    broker.QUEUE_JOBS,
    broker.QUEUE_BYTES,
    broker.HISTORY_SIZE,
    broker.HISTORY_TTL,
    broker.HISTORY,
    broker.MAX_HISTORY_BYTES,
    broker.MAX_HISTORY_GROUPS,
)
"""What a channel takes that concerns what it keeps, in process or not."""

EVERY = "*"
"""Is the pattern of every group."""


def history(settings: Mapping[str, Any]) -> Sequence[HistoryRule]:
    """Return what is kept of groups' messages.

    Args:
        settings: options by name.
    """
    rules = [HistoryRule(*rule) for rule in settings["history"]]
    if settings["history-size"]:
        rules.append(HistoryRule(EVERY, settings["history-size"], settings["history-ttl"]))
    return rules
