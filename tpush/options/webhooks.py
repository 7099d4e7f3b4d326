"""Options of the back ends that a pusher calls."""

from tpush.kinds import seconds, web_url, whole
from tpush.options.option import DEFAULTS, Option

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
