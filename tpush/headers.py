"""What a header of HTTP/1.1 looks like: :rfc:`9112#section-5`. Pure.

A space before its colon, a line folded into the next, and control characters have been read in more
than one way, and what one reader takes for a value is a header of its own to another.
"""

import re

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
FIELD = re.compile(rb"(%b):[\t\x20-\x7e\x80-\xff]*" % TOKEN)


def field_name(line: bytes) -> bytes | None:
    """Return the name of a header, in lower case, or None where the line is none.

    Args:
        line: without its end.
    """
    field = FIELD.fullmatch(line)
    return None if field is None else field[1].lower()
