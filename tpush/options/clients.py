"""Options that concern a pusher's clients."""

from tpush.forwarded import FORWARDED, X_FORWARDED_FOR
from tpush.kinds import one_of, origin, proxy, seconds, whole
from tpush.options.option import DEFAULTS, Option

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
ORIGIN = Option(
    "origin",
    "",
    origin,
    "origin whose web pages may connect, such as https://*.example.com; may be repeated; without "
    "it pages of the host that they connect to may, where that is an address, localhost or --host",
    repeats=True,
)
