"""One message as a server's WebSocket frame. Pure."""

from struct import pack

TEXT, BINARY = 0x81, 0x82
"""The first byte of a frame that is a whole message, :rfc:`6455#section-5.2`."""

TWO_BYTES, EIGHT_BYTES = 126, 127
"""What stands in place of a length that follows in so many bytes."""


def frame(content: bytes, *, text: bool) -> bytes:
    """Return *content* as one unmasked frame, :rfc:`6455#section-5.2`.

    A third of what Autobahn's ``prepareMessage`` takes, which is made for clients as well.

    Args:
        content: valid UTF-8 where *text* is true.
        text: whether it is a text frame, else a binary one.
    """
    first, size = TEXT if text else BINARY, len(content)
    if size < TWO_BYTES:
        return b"%c%c%b" % (first, size, content)
    if size <= 0xFFFF:
        return pack("!BBH", first, TWO_BYTES, size) + content
    return pack("!BBQ", first, EIGHT_BYTES, size) + content
