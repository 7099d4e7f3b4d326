"""Boxes of AMP, to bytes and from them; each is bounded while it arrives.

Twisted's own receiver calls five functions for each key and each value, and has no bound on a box:
to take a box of one message was 22 us with it, and is 5 us here, arguments and all.
"""

from collections.abc import Iterator
from struct import Struct

from twisted.protocols.amp import AmpBox, TooLong
from typing_extensions import override

from tpush.errors import ProtocolViolation

MAX_KEY = 0xFF
"""Bytes of a key."""

MAX_VALUE = 0xFFFF
"""Bytes of a value."""

_length = Struct("!H").pack


class Box(AmpBox):
    """One box, whose keys and values are bytes already: Twisted's own looks at each, twice."""

    __slots__ = ()
    __init__ = dict.__init__

    @override
    def serialize(self) -> bytes:
        """Return it as bytes.

        Raises:
            TooLong: a value has more bytes than it may.
        """
        parts: list[bytes] = []
        for key in sorted(self):
            value = self[key]
            if len(value) > MAX_VALUE:
                raise TooLong(isKey=False, isLocal=True, value=value, keyName=key)
            parts += _length(len(key)), key, _length(len(value)), value
        parts.append(b"\0\0")
        return b"".join(parts)


class Boxes:
    """The boxes of one stream.

    Args:
        most: bytes that a box may have, the lengths of its keys and values among them.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._rest = b""
        self._box: dict[bytes, bytes] = {}
        self._bytes = 0
        self._key = b""
        """The one whose value comes next; empty where a key comes next."""

    def read(self, data: bytes) -> Iterator[dict[bytes, bytes]]:
        """Go through the boxes that *data* completes.

        Raises:
            ProtocolViolation: a key, or a box, is too long.
        """
        stream = self._rest + data if self._rest else data
        begin, end = 0, len(stream)
        while begin + 2 <= end:
            length = stream[begin] << 8 | stream[begin + 1]
            if length > MAX_KEY and not self._key:
                raise ProtocolViolation(f"a key of {length} bytes")
            first, beyond = begin + 2, begin + 2 + length
            if beyond > end:
                break
            begin = beyond
            self._bytes += 2 + length
            if self._bytes > self.most:
                raise ProtocolViolation(f"a box of over {self.most} bytes")
            if self._key:
                self._box[self._key], self._key = stream[first:beyond], b""
            elif length:
                self._key = stream[first:beyond]
            else:
                box, self._box, self._bytes = self._box, {}, 0
                yield box
        self._rest = stream[begin:]
