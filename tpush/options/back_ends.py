"""Options that concern the back ends that publish."""

from tpush.kinds import seconds, whole
from tpush.options.option import DEFAULTS, Option

API_KEY_FILE = Option(
    "api-key-file",
    "",
    str,
    "file with API keys, one a line, any of which may publish; read again at SIGHUP",
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
