"""The options of a publisher that its roles share."""

from collections.abc import Sequence

from tpush import options
from tpush.options import Option

BACK_END_OPTIONS: Sequence[Option] = (
    options.MAX_BODY,
    options.MAX_FIELDS,
    options.MAX_LINE,
    options.MAX_HEAD,
    options.REQUEST_TIMEOUT,
    options.MAX_HTTP_CONNECTIONS,
    options.MAX_REQUESTS,
    options.MAX_LAG,
    options.RECEIPT_TIMEOUT,
    options.MAX_RECEIPTS,
    options.API_KEY_FILE,
)
"""What a publisher takes that concerns its back ends."""
