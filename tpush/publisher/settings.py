"""The options of a publisher that its roles share."""

from collections.abc import Sequence

from tpush.options import back_ends, shared
from tpush.options.option import Option

BACK_END_OPTIONS: Sequence[Option] = (
    shared.MAX_BODY,
    back_ends.MAX_FIELDS,
    back_ends.MAX_LINE,
    back_ends.MAX_HEAD,
    back_ends.REQUEST_TIMEOUT,
    back_ends.MAX_HTTP_CONNECTIONS,
    back_ends.MAX_REQUESTS,
    back_ends.MAX_LAG,
    back_ends.RECEIPT_TIMEOUT,
    back_ends.MAX_RECEIPTS,
    back_ends.API_KEY_FILE,
)
"""What a publisher takes that concerns its back ends."""
