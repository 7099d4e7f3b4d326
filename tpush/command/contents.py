"""How a content is printed: one a line. Pure."""

import json
from base64 import b64encode


def as_line(payload: bytes, *, text: bool, as_json: bool, terminal: bool) -> str:
    """Return the line for one content.

    Args:
        payload: the content.
        text: whether it came as text.
        as_json: as an object with ``content`` or ``base64``, so that it is one line for sure.
        terminal: whether people look at it: then what would move their cursor, or worse, is
            escaped, for others may have written it.
    """
    if as_json:
        return json.dumps(
            {"content": payload.decode()} if text else {"base64": b64encode(payload).decode()}
        )
    if not text:
        return b64encode(payload).decode()
    content = payload.decode()
    if not terminal or content.isprintable():
        return content
    return "".join(c if c.isprintable() or c in "\t\n" else ascii(c)[1:-1] for c in content)
