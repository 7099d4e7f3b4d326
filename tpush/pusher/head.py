"""The head of an opening handshake, as Autobahn is to read it. Pure.

Autobahn takes eight characters for the end of a line, and a space before a colon for nothing. So a
client could hide a header in the value of another, past a proxy that says who the client is.
"""

import re

from tpush.headers import FIELD, TOKEN

HEAD = re.compile(
    rb"%b [\x21-\x7e]+ HTTP/[0-9]\.[0-9](?:\r\n%b)*" % (TOKEN, FIELD.pattern),
)
"""All at once: line by line it takes three times as long."""

NEXT_LINE = b"\x85"
"""The one of the eight that may be in a header: it is a part of many letters in UTF-8."""


def read_head(head: bytes) -> bytes | None:
    """Return the head with one reading, or None where it has more.

    Args:
        head: up to the empty line, and without it.
    """
    return head.replace(NEXT_LINE, b"?") if HEAD.fullmatch(head) else None
