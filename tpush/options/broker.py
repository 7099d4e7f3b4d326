"""Options of the channel."""

from tpush.kinds import LONGEST_KEPT, MOST_KEPT, SHORTEST_KEPT, history, seconds, whole
from tpush.options.option import DEFAULTS, Option

SETTLE = Option(
    "settle",
    f"{DEFAULTS.settle:g}",
    seconds(DEFAULTS.reconnect_most + 0.3, 60),
    "seconds that a channel which has just started holds publishes, until workers are back",
    limit="settle",
)
LINGER = Option(
    "linger",
    f"{DEFAULTS.linger:g}",
    seconds(0, 600),
    "seconds that what is sent to a lost worker is kept, in case it comes back",
    limit="linger",
)
JOB_ATTEMPTS = Option(
    "job-attempts",
    str(DEFAULTS.job_attempts),
    whole(1, 1_000_000),
    "times that a job is handed out before it goes to the queue {queue}/failed",
    limit="job_attempts",
)
MAX_QUEUES = Option(
    "max-queues",
    str(DEFAULTS.queues),
    whole(1, 100_000_000),
    "queues that hold a job or are watched; whoever would begin one more is told that it is full",
    limit="queues",
)
QUEUE_JOBS = Option(
    "queue-jobs",
    str(DEFAULTS.queue_jobs),
    whole(1, 100_000_000),
    "jobs that may wait in one queue; beyond it, whoever enqueues is told that it is full",
    limit="queue_jobs",
)
QUEUE_BYTES = Option(
    "queue-bytes",
    str(DEFAULTS.queue_bytes),
    whole(1, 2**40),
    "bytes that may wait in one queue",
    limit="queue_bytes",
)
MAX_KEYS = Option(
    "max-keys",
    str(DEFAULTS.keys),
    whole(1, 100_000_000),
    "keys of publishes that are not to be sent twice; beyond it, the oldest are forgotten",
    limit="keys",
)
KEY_TIME = Option(
    "key-time",
    f"{DEFAULTS.key_seconds:g}",
    seconds(1, 86_400),
    "seconds that such a key is kept",
    limit="key_seconds",
)
HISTORY_SIZE = Option(
    "history-size",
    "0",
    whole(0, MOST_KEPT),
    "messages that are kept of each group, for clients that come back; 0 keeps none",
)
HISTORY_TTL = Option(
    "history-ttl",
    "300",
    seconds(SHORTEST_KEPT, LONGEST_KEPT),
    "seconds for which such a message is kept",
)
HISTORY = Option(
    "history",
    "",
    history,
    "both for the groups of a pattern, such as chat-*=100/300; may be repeated: the first that a "
    "group's name has counts, before --history-size",
    repeats=True,
)
MAX_HISTORY_BYTES = Option(
    "max-history-bytes",
    str(DEFAULTS.history_bytes),
    whole(0, 2**40),
    "bytes that are kept of all groups; beyond it, the group that was published to longest ago "
    "loses its oldest messages",
    limit="history_bytes",
)
MAX_HISTORY_GROUPS = Option(
    "max-history-groups",
    str(DEFAULTS.history_groups),
    whole(0, 100_000_000),
    "groups that nothing is kept of any more, and whose place is remembered; of others clients "
    "that come back are told that they may have missed something",
    limit="history_groups",
)
MAX_SUBSCRIPTIONS = Option(
    "max-subscriptions",
    str(DEFAULTS.subscriptions),
    whole(10, 2**40),
    "events that one program may subscribe to, and queues that it may watch; one that goes on is "
    "disconnected",
    limit="subscriptions",
)
MAX_PEER_PENDING = Option(
    "max-peer-pending",
    str(DEFAULTS.peer_bytes),
    whole(1, 2**40),
    "bytes that may wait for one worker or program that takes none of them for 5 to 10 seconds; "
    "beyond it, it is given up",
    limit="peer_bytes",
)
MAX_PEER_MESSAGES = Option(
    "max-peer-messages",
    str(DEFAULTS.peer_items),
    whole(1, 2**40),
    "messages that may wait for one that takes none of them for 5 to 10 seconds; beyond it, it is "
    "given up",
    limit="peer_items",
)
