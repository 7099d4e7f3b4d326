"""Every option once: name, variable, type, default, bound, help.

``--help``, the tables in the docs and every error come from here. A role lists the options that it
takes (:class:`~tpush.commandline.RoleOptions`); each has an environment variable, ``--max-body`` is
``TPUSH_MAX_BODY``, and may stand in a file; the command line comes first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tpush.forwarded import FORWARDED, X_FORWARDED_FOR
from tpush.kinds import (
    LONGEST_KEPT,
    MOST_KEPT,
    SHORTEST_KEPT,
    client_endpoint,
    history,
    one_of,
    proxy,
    seconds,
    server_endpoint,
    switch,
    web_url,
    whole,
)
from tpush.limits import MAX_CONTENT, Limits

DEFAULTS = Limits()
SECRET = "TPUSH_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Args:
        name: without dashes.
        default: as it is written on a command line.
        kind: turns text into the value, or raises ValueError with what it should be.
        help: a phrase, with its unit.
        repeats: whether it may be given more than once; its variable is split at white space.
        flag: it takes no value: it is given or not.
        limit: the field of :class:`~tpush.limits.Limits` that it sets, if it sets one.
    """

    name: str
    default: str
    kind: Callable[[str], Any]
    help: str
    repeats: bool = False
    flag: bool = False
    limit: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "TPUSH_" + self.name.upper().replace("-", "_")

    @property
    def type(self) -> type:
        """Of its value, or of each where it repeats: bool, int, float or str."""
        if self.flag:
            return bool
        return type(self.kind(self.default)) if self.default else str


CONFIG = Option(
    "config",
    "",
    str,
    "TOML file with options: names without dashes in front, in the role's table ([channel], [ws], "
    "[http] or [tpush]), or all of it for one role; the command line and variables come first",
)


def listen(default: str, what: str, name: str = "listen") -> Option:
    """Return the option that says where a role listens."""
    phrase = f"server endpoint where {what}; may be repeated"
    return Option(name, default, server_endpoint, phrase, repeats=True)


LISTEN_CHANNEL = listen("tcp:2206:interface=127.0.0.1", "roles and programs connect")
LISTEN_WS = listen("tcp:4236:interface=127.0.0.1", "browsers connect")
LISTEN_HTTP = listen("tcp:4237:interface=127.0.0.1", "back ends publish")
LISTEN_WS_TOO = listen(LISTEN_WS.default, "browsers connect", "listen-ws")
LISTEN_HTTP_TOO = listen(LISTEN_HTTP.default, "back ends publish", "listen-http")
CHANNEL = Option(
    "channel",
    "tcp:127.0.0.1:2206",
    client_endpoint,
    "client endpoint where the channel listens",
)
WORKERS = Option("workers", "1", whole(1, 1024), "processes that share the work")
NAME = Option("name", "", str, "what this process is called in the channel's log")
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
SILENCE = Option(
    "silence",
    f"{DEFAULTS.silence:g}",
    seconds(2 * DEFAULTS.heartbeat, 600),
    "seconds without a sign of life after which the other end of a channel link is dead",
    limit="silence",
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
MAX_HELD = Option(
    "max-held",
    str(DEFAULTS.held_items),
    whole(1, 100_000_000),
    "publishes that a process holds until the channel acknowledges them; beyond it they fail (503)",
    limit="held_items",
)
MAX_PENDING = Option(
    "max-pending",
    str(DEFAULTS.pending),
    whole(64 * 1024, 1024 * 1024 * 1024),
    "bytes that may wait for one client that does not read as fast as messages come",
    limit="pending",
)
MAX_CONNECTIONS = Option(
    "max-connections",
    str(DEFAULTS.connections),
    whole(0, 100_000_000),
    "clients at once, over all workers; beyond it they get a 503; 0 is what the limit of "
    "descriptors leaves",
    limit="connections",
)
MAX_HANDSHAKES = Option(
    "max-handshakes",
    str(DEFAULTS.handshakes),
    whole(1, 1_000_000),
    "clients at once that have not finished their handshake, of each worker; others wait",
    limit="handshakes",
)
HANDSHAKE_TIMEOUT = Option(
    "handshake-timeout",
    f"{DEFAULTS.greeting:g}",
    seconds(1, 600),
    "seconds that a client has for its handshake",
    limit="greeting",
)
MAX_PER_ADDRESS = Option(
    "max-per-address",
    str(DEFAULTS.per_address),
    whole(0, 100_000_000),
    "clients at once of one IPv4 address, or one /64 of IPv6, over all workers; beyond it they get "
    "a 429; those of this machine are not counted; 0 is any number",
    limit="per_address",
)
TRUSTED_PROXY = Option(
    "trusted-proxy",
    "",
    proxy,
    "address or network of a proxy that says whose connection it is, or unix for unix sockets; may "
    "be repeated",
    repeats=True,
)
PROXY_HEADER = Option(
    "proxy-header",
    X_FORWARDED_FOR,
    one_of(X_FORWARDED_FOR, FORWARDED),
    "header in which trusted proxies say it: x-forwarded-for or forwarded",
)
MAX_MESSAGE = Option(
    "max-message",
    str(DEFAULTS.client_message),
    whole(1, 1024 * 1024 * 1024),
    "bytes of one message from a client; beyond it, it is closed with 1009",
    limit="client_message",
)
MAX_FRAMES = Option(
    "max-frames",
    str(DEFAULTS.client_frames),
    whole(0, 1_000_000),
    "frames that a client may send in a second, before it is closed with 4429; 0 is any number",
    limit="client_frames",
)
MAX_GROUPS = Option(
    "max-groups",
    str(DEFAULTS.groups),
    whole(1, 1_000_000),
    "groups that a client may be in, before it is closed with 4503",
    limit="groups",
)
CLIENT_JOIN = Option(
    "client-join",
    "token",
    one_of("off", "token", "open"),
    "which groups a client may join: off (none), token (those that its token names) or open (any)",
)
CLIENT_PUBLISH = Option(
    "client-publish",
    "off",
    one_of("off", "token", "open"),
    "which groups a client may publish to: off (none), token (those that its token names) or open "
    "(any)",
)
PRESENCE = Option(
    "presence",
    "",
    str,
    "pattern of groups whose clients may ask to be told who comes and goes, such as room-*; may be "
    "repeated",
    repeats=True,
)
SLOW_CLIENT = Option(
    "slow-client",
    "disconnect",
    one_of("disconnect", "drop-newest", "drop-oldest", "keep-latest"),
    "what is done for a client beyond --max-pending: disconnect (with close code 4008), "
    "drop-newest, drop-oldest or keep-latest",
)
PING_INTERVAL = Option(
    "ping-interval",
    f"{DEFAULTS.ping_interval:g}",
    seconds(0, 3600),
    "seconds between two pings to a client; 0 sends none",
    limit="ping_interval",
)
PING_TIMEOUT = Option(
    "ping-timeout",
    f"{DEFAULTS.ping_timeout:g}",
    seconds(1, 600),
    "seconds that a client has to answer a ping, before it is disconnected",
    limit="ping_timeout",
)
SECRET_FILE = Option(
    "secret-file",
    "",
    str,
    "file with the channel's secret, which both ends prove and never send; of several lines the "
    f"channel takes any, others prove the first; or the secret itself in {SECRET}",
)
API_KEY_FILE = Option(
    "api-key-file",
    "",
    str,
    "file with API keys, one a line, any of which may publish; read again at SIGHUP",
)
DRAIN_GRACE = Option(
    "drain-grace",
    f"{DEFAULTS.drain_grace:g}",
    seconds(0, 600),
    "seconds for which a role that is told to end says so at /health, before it stops listening",
    limit="drain_grace",
)
DRAIN_RATE = Option(
    "drain-rate",
    str(DEFAULTS.drain_rate),
    whole(1, 1_000_000),
    "clients that are closed in a second when their worker ends, over all workers; faster where "
    f"they would not be gone within {DEFAULTS.drain_within:g} s",
    limit="drain_rate",
)
AUTH = Option(
    "auth",
    "",
    one_of("", "none", "optional", "required"),
    "whether a client needs a token: none, optional (one that is given has to be valid) or "
    "required, which it is where there is a file of keys for tokens",
)
TOKEN_SECRET_FILE = Option(
    "token-secret-file",
    "",
    str,
    "file with secrets that clients' tokens are signed with by HS256, one a line, of at least 32 "
    "bytes; read again at SIGHUP",
)
TOKEN_PUBLIC_KEY_FILE = Option(
    "token-public-key-file",
    "",
    str,
    "file with public keys in PEM of clients' tokens: RSA for RS256, P-256 for ES256, Ed25519 for "
    "EdDSA; read again at SIGHUP",
)
TOKEN_AUDIENCE = Option(
    "token-audience",
    "",
    str,
    "audience that a token has to name; without it, one that names any is refused",
)
TOKEN_ISSUER = Option("token-issuer", "", str, "issuer that a token has to name")
TOKEN_LEEWAY = Option(
    "token-leeway",
    "5",
    seconds(0, 600),
    "seconds that the clock of whoever makes tokens may differ from this one",
)
HOST = Option(
    "host",
    "",
    str,
    "name of this server in URLs, besides localhost and addresses; may be repeated",
    repeats=True,
)
ORIGIN = Option(
    "origin",
    "",
    str,
    "origin whose web pages may connect, such as https://*.example.com; may be repeated; without "
    "it pages of the host that they connect to may, where that is an address, localhost or --host",
    repeats=True,
)
INSECURE = Option(
    "insecure",
    "",
    switch,
    "listen to the network though nothing is asked of those who connect",
    flag=True,
)
MAX_HELD_BYTES = Option(
    "max-held-bytes",
    str(DEFAULTS.held_bytes),
    whole(1, 2**40),
    "bytes of publishes that a process holds until the channel acknowledges them; beyond it they "
    "fail (503)",
    limit="held_bytes",
)
MAX_HTTP_CONNECTIONS = Option(
    "max-http-connections",
    str(DEFAULTS.http_connections),
    whole(1, 1_000_000),
    "connections of back ends at once, over all workers; beyond it the answer is 503",
    limit="http_connections",
)
MAX_REQUESTS = Option(
    "max-requests",
    str(DEFAULTS.requests),
    whole(1, 1_000_000),
    "requests under way at once, over all workers, those too whose body is still to come; beyond "
    "it the answer is 503",
    limit="requests",
)
MAX_LAG = Option(
    "max-lag",
    f"{DEFAULTS.lag:g}",
    seconds(0.01, 60),
    "seconds by which a publisher may be late; beyond it a publish is answered with 503",
    limit="lag",
)
REQUEST_TIMEOUT = Option(
    "request-timeout",
    f"{DEFAULTS.request_wait:g}",
    seconds(1, 3600),
    "seconds that a back end has for the head of a request, and again for its body; beyond it the "
    "answer is 408",
    limit="request_wait",
)
MAX_LINE = Option(
    "max-line",
    str(DEFAULTS.request_line),
    whole(1024, 1024 * 1024),
    "bytes of a request line (414) or a header line (431)",
    limit="request_line",
)
MAX_HEAD = Option(
    "max-head",
    str(DEFAULTS.request_head),
    whole(1024, 1024 * 1024),
    "bytes of a request before its body; beyond it the answer is 431",
    limit="request_head",
)
MAX_FIELDS = Option(
    "max-fields",
    str(DEFAULTS.fields),
    whole(4, 100_000),
    "fields of one URL, or of one form; beyond it the answer is 400",
    limit="fields",
)
RECEIPT_TIMEOUT = Option(
    "receipt-timeout",
    f"{DEFAULTS.receipt_wait:g}",
    seconds(0.01, 60),
    "seconds that workers have to tell what became of a message, where a receipt is asked for; "
    "then the answer is 504",
    limit="receipt_wait",
)
MAX_RECEIPTS = Option(
    "max-receipts",
    str(DEFAULTS.receipts),
    whole(1, 10_000_000),
    "receipts that a process waits for at once; beyond it the answer is 503",
    limit="receipts",
)
MAX_BODY = Option(
    "max-body",
    str(DEFAULTS.content),
    whole(1, MAX_CONTENT),
    "bytes of a POST request's content; beyond it the answer is 413",
    limit="content",
)
WEBHOOK = Option(
    "webhook",
    "",
    web_url,
    "URL that is told when a client connects, disconnects, joins or leaves a group, or publishes "
    "to one, and when a group gets its first member or loses its last",
)
WEBHOOK_SECRET_FILE = Option(
    "webhook-secret-file",
    "",
    str,
    "file with the secrets that calls to --webhook and --connect-hook are signed with, one a line: "
    "whsec_ and the base64 of 24 to 64 random bytes; read again at SIGHUP",
)
WEBHOOK_TIMEOUT = Option(
    "webhook-timeout",
    f"{DEFAULTS.hook_wait:g}",
    seconds(0.1, 600),
    "seconds that --webhook has to take a batch of events, before it is sent again",
    limit="hook_wait",
)
WEBHOOK_ATTEMPTS = Option(
    "webhook-attempts",
    str(DEFAULTS.hook_attempts),
    whole(1, 1_000),
    "times that a batch is sent to --webhook; then it is dropped",
    limit="hook_attempts",
)
MAX_WEBHOOK_EVENTS = Option(
    "max-webhook-events",
    str(DEFAULTS.hook_events),
    whole(1, 10_000_000),
    "events that may wait for --webhook, of each worker; beyond it the oldest are dropped",
    limit="hook_events",
)
CONNECT_HOOK = Option(
    "connect-hook",
    "",
    web_url,
    "URL that is asked before a client is taken, and may refuse it, name it, or put it into groups",
)
CONNECT_HOOK_TIMEOUT = Option(
    "connect-hook-timeout",
    f"{DEFAULTS.connect_hook_wait:g}",
    seconds(0.1, 600),
    "seconds that --connect-hook has to answer; beyond it the client is refused with 503, a page "
    "with close code 1013",
    limit="connect_hook_wait",
)
