"""Every bound once, with its default.

Seconds and bytes where nothing else is said. What happens at a bound stands beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

BOX = 4 * MIB
BATCH_BYTES = 256 * KIB
MAX_CONTENT = 3 * MIB
"""The most that ``content`` may be: a box has to carry it, with the rest of its batch."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one role.

    Args:
        content: bytes of one published content, and of an HTTP request's body; beyond it,
            :exc:`~tpush.errors.TooLarge`, 413.
        held_items: what a publisher holds until it is acknowledged; beyond it,
            :exc:`~tpush.errors.OutboxFull`.
        held_bytes: the same in bytes.
        receipts: that a program waits for at once; beyond it,
            :exc:`~tpush.errors.OutboxFull`.
        receipt_wait: for workers to tell what became of a message; then the receipt says how many
            are missing.
        box: bytes of one AMP box on a channel link; beyond it, the peer is closed.
        batch_items: messages that are put into one box.
        batch_bytes: bytes after which a box takes no further message.
        heartbeat: between two signs of life that an end of a link gives.
        silence: without a sign of life after which a peer is taken for dead.
        greeting: a new link has for its hello, and a new WebSocket for its handshake.
        settle: a channel that has just started holds publishes, so that workers are back.
        linger: a lost peer keeps its subscriptions and what was sent to it.
        subscriptions: of one program, and as many watches; beyond it,
            :exc:`~tpush.errors.TooManySubscriptions`; a peer that goes on is closed.
        peer_bytes: that wait in the channel for one peer which acknowledges none of them from one
            heartbeat to the next; beyond it, the peer is given up and its session forgotten.
        peer_items: the same in messages.
        acknowledge: an acknowledgement waits for a batch to ride in.
        reconnect_first: before the first attempt to come back.
        reconnect_most: between later attempts; with jitter it stays below *settle*.
        queues: that hold a job or are watched; a job that would begin one more,
            :exc:`~tpush.errors.QueueFull`.
        queue_jobs: jobs that wait in one queue; beyond it, :exc:`~tpush.errors.QueueFull`.
        queue_bytes: the same in bytes.
        keys: of publishes that are not to be sent twice, in the channel; the oldest are forgotten
            first.
        key_seconds: that such a key is kept.
        history_bytes: that the channel keeps of groups' messages, for who comes back; beyond it,
            the group that was published to longest ago loses its oldest.
        history_groups: of which no message is kept, and whose offsets are remembered.
        job_attempts: times a job is handed out before it goes to ``{queue}/failed``.
        job_backoff: before a failed job is handed out again; doubled at each attempt.
        job_backoff_most: the most of that.
        remember: a worker remembers the last number of a publisher that is silent.
        client_message: bytes of one message from a WebSocket client; beyond it, close 1009.
        client_frames: a WebSocket client may send in a second, control frames and fragments too;
            beyond it, close 4429; 0 is without bound.
        groups: that a WebSocket client may be in, its user counted; beyond it, close 4503.
        connections: of WebSocket clients at once; beyond it, 503; 0 is what the process's limit of
            descriptors leaves.
        handshakes: of WebSocket clients in progress at once; beyond it, others wait until they are
            accepted; one address has a quarter of them.
        per_address: connections of WebSocket clients of one IPv4 address, or one /64 of IPv6;
            beyond it, 429; 0 is without bound.
        pending: bytes that wait for one WebSocket client, besides 64 KiB in its transport, 64 KiB
            in the kernel and one message on its way there; beyond it, the slow-client policy.
        ping_interval: between two pings to a WebSocket client; 0 sends none.
        ping_timeout: a WebSocket client has to answer a ping with anything at all.
        fields: of one URL, or of one form; beyond it, 400.
        close_wait: WebSocket clients have to answer a close when their worker stops.
        drain_grace: a role that goes away says so at ``/health`` before it stops listening.
        drain_rate: WebSocket clients that are closed in a second when their worker goes away.
        drain_within: by when they are all gone, and running HTTP requests are answered; where
            *drain_rate* is too slow for that, they are closed faster.
        stop_wait: a stopping role waits for its channel to acknowledge.
        http_connections: of HTTP clients at once; beyond it, 503.
        requests: of HTTP clients under way at once, those whose body is still to come too; beyond
            it, 503.
        lag: by which the reactor may be late before publishes are refused with 503.
        request_line: bytes of an HTTP request's first line, beyond which the answer is 414, and of
            each header line, beyond which it is 431.
        request_head: bytes of an HTTP request before its body; beyond it, 431.
        request_wait: an HTTP client has for the head of a request, and again for its body, before
            the answer is 408; a connection that is kept open has it for the next request.
        hook_events: that wait in a worker for its webhook; beyond it, the oldest are dropped.
        hook_bytes: the same in bytes.
        hook_batch: events that are sent to a webhook at once.
        hook_batch_bytes: the same in bytes; one event alone may have more.
        hook_gather: the first event after a while waits for others to go with it.
        hook_wait: a webhook has to take a batch.
        hook_attempts: times that a batch is sent; then it is dropped.
        hook_retry_first: before the second attempt, or half of it, as chance has it; doubled at
            each further one.
        hook_retry_most: the most of that.
        connect_hook_wait: a connect hook has to answer; beyond it, 503 or close 1013.
        connect_hook_requests: to a connect hook under way at once, of each worker; others wait
            their turn, within the same time.
    """

    content: int = MIB
    held_items: int = 100_000
    held_bytes: int = 64 * MIB
    receipts: int = 10_000
    receipt_wait: float = 2.0
    box: int = BOX
    batch_items: int = 1_000
    batch_bytes: int = BATCH_BYTES
    heartbeat: float = 5.0
    silence: float = 25.0
    greeting: float = 10.0
    settle: float = 2.0
    linger: float = 5.0
    subscriptions: int = 1_000_000
    peer_bytes: int = 32 * MIB
    peer_items: int = 50_000
    acknowledge: float = 0.05
    reconnect_first: float = 0.1
    reconnect_most: float = 1.2
    queues: int = 10_000
    queue_jobs: int = 100_000
    queue_bytes: int = 64 * MIB
    keys: int = 100_000
    key_seconds: float = 300.0
    history_bytes: int = 64 * MIB
    history_groups: int = 100_000
    job_attempts: int = 5
    job_backoff: float = 1.0
    job_backoff_most: float = 60.0
    remember: float = 3600.0
    client_message: int = 64 * KIB
    client_frames: int = 100
    groups: int = 100
    connections: int = 0
    handshakes: int = 1_000
    per_address: int = 1_000
    pending: int = MIB
    ping_interval: float = 25.0
    ping_timeout: float = 8.0
    fields: int = 1_000
    close_wait: float = 4.0
    drain_grace: float = 0.0
    drain_rate: int = 1_000
    drain_within: float = 25.0
    stop_wait: float = 3.0
    http_connections: int = 5_000
    requests: int = 1_000
    lag: float = 1.0
    request_line: int = 16 * KIB
    request_head: int = 64 * KIB
    request_wait: float = 60.0
    hook_events: int = 10_000
    hook_bytes: int = 16 * MIB
    hook_batch: int = 100
    hook_batch_bytes: int = 256 * KIB
    hook_gather: float = 0.05
    hook_wait: float = 10.0
    hook_attempts: int = 8
    hook_retry_first: float = 0.5
    hook_retry_most: float = 30.0
    connect_hook_wait: float = 5.0
    connect_hook_requests: int = 50

    @property
    def ending(self) -> float:
        """Seconds that a worker may take to end, before its parent kills it."""
        return self.drain_grace + self.drain_within + 3 * self.stop_wait + 3

    def __post_init__(self) -> None:
        """Check what bounds ask of each other.

        Raises:
            ValueError: they do not go together; the text says which.
        """
        for holds, what in (
            (self.content <= MAX_CONTENT, f"content is at most {MAX_CONTENT}"),
            (self.box >= BOX, f"box is at least {BOX}: others send such"),
            (self.batch_bytes <= BATCH_BYTES, f"batch_bytes is at most {BATCH_BYTES}"),
            (self.drain_within >= self.close_wait, "drain_within is at least close_wait"),
            (self.silence >= 2 * self.heartbeat, "silence is at least twice heartbeat"),
        ):
            if not holds:
                raise ValueError(what)


SHARED = frozenset({"connections", "per_address", "drain_rate", "http_connections", "requests"})
"""Limits of all workers of one parent together."""


def share(limits: Mapping[str, float], workers: int) -> dict[str, float]:
    """Return the limits of one worker of several, by name; rounded up, as 0 is no bound."""
    return {
        name: -(-value // workers) if name in SHARED else value for name, value in limits.items()
    }
