"""Bodies of ``multipart/form-data``, :rfc:`7578`. Pure.

The standard library's parser is one for mail: it takes seconds for a megabyte of short lines, it
descends into parts that are multiparts themselves, and some names of fields make it raise.
"""

import re
from collections.abc import Iterator

from tpush.publisher.errors import BadRequest

PARAMETER = re.compile(rb';[ \t]*([^\s;="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*', re.DOTALL)
DISPOSITION = re.compile(
    rb"\r\ncontent-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)", re.IGNORECASE
)
MAX_BOUNDARY = 70
""":rfc:`2046#section-5.1.1`"""


def parse_multipart(
    parameters: bytes, body: bytes, max_parts: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and value of each field, in order; a part without a name is left out.

    Args:
        parameters: those of the content type, from their first ``;`` on.
        body: all of it.
        max_parts: how many it may have.

    Raises:
        BadRequest: it has no boundary, is not cut up by it, or has more parts.
    """
    boundary = _parameter(parameters, b"boundary")
    if not boundary or len(boundary) > MAX_BOUNDARY:
        raise BadRequest(f"a multipart body has a boundary of 1 to {MAX_BOUNDARY} bytes")
    delimiter = b"\r\n--" + boundary
    if body.count(delimiter) > max_parts + 1:
        raise BadRequest(f"more than {max_parts} fields")
    _preamble, *parts = (b"\r\n" + body).split(delimiter)
    for part in parts:
        if part.startswith(b"--"):
            return
        head, blank, value = part.lstrip(b" \t").partition(b"\r\n\r\n")
        if not blank or (head and not head.startswith(b"\r\n")):
            break
        disposition = DISPOSITION.search(head)
        name = disposition and _parameter(disposition[1], b"name")
        if name:
            yield name, value
    raise BadRequest("a multipart body that is not cut up by its boundary")


def _parameter(parameters: bytes, name: bytes) -> bytes | None:
    """Return the value of one of the parameters of a header, or None."""
    position = 0
    while found := PARAMETER.match(parameters, position):
        if found[1].lower() == name:
            return re.sub(rb"\\(.)", rb"\1", found[2]) if found[2] is not None else found[3]
        position = found.end()
    return None
