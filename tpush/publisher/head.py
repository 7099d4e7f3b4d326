"""What the head of a request has to look like: :rfc:`9112`. Pure.

twisted.web reads more than the RFC allows, and a server in front of it may read that otherwise:
then the two disagree on where a request ends, and what is the body of one here is somebody else's
request there. So what has two readings is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tpush.headers import TOKEN, field_name
from tpush.publisher.errors import BadRequest

REQUEST_LINE = re.compile(rb"(%b) ([\x21-\x7e\x80-\xff]+) (HTTP/1\.[01])" % TOKEN)
NOT_ASCII = re.compile(rb"[\x80-\xff]")
AUTHORITY = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
ABSOLUTE = re.compile(rb"https?://(?!:)([^/?]+)/?(.*)", re.IGNORECASE)
CHUNKED = b"chunked"
FRAMING = (b"content-length", b"transfer-encoding")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """The first line of a request.

    Args:
        method: as it was sent; its case counts.
        target: path and query, or ``*`` for the server itself.
        version: ``HTTP/1.0`` or ``HTTP/1.1``.
        authority: host and port, where the target has them: the Host does not count then.
    """

    method: bytes
    target: bytes
    version: bytes
    authority: bytes | None = None

    def __bytes__(self) -> bytes:
        """Return it as a line, without the authority."""
        return b"%b %b %b" % (self.method, self.target, self.version)


def parse_request_line(line: bytes) -> RequestLine:
    """Read a request line, :rfc:`9112#section-3`.

    What is not ASCII is escaped, and other characters that no URL has are taken: curl sends what
    was typed.

    Raises:
        BadRequest: it is none, or has a target for a proxy.
    """
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest("malformed request")
    method, target, version = match.groups()
    target = NOT_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], target)
    if method == b"CONNECT":
        # A client that does not wait for the answer sends what is meant for somebody else.
        raise BadRequest("this is no proxy")
    if target.startswith(b"/") or (method, target) == (b"OPTIONS", b"*"):
        return RequestLine(method, target, version)
    absolute = ABSOLUTE.fullmatch(target)
    if absolute is None or not AUTHORITY.fullmatch(absolute[1]):
        raise BadRequest("malformed target")
    return RequestLine(method, b"/" + absolute[2], version, absolute[1])


def check_field_line(line: bytes) -> None:
    """Check a header.

    Raises:
        BadRequest: it is none.
    """
    if field_name(line) is None:
        raise BadRequest("malformed header")


def check_trailer_line(line: bytes) -> None:
    """Check what comes after the last chunk: a header too, and too late to say how long a body is.

    Raises:
        BadRequest: it is none, or says so, :rfc:`9110#section-6.5.1`.
    """
    name = field_name(line)
    if name is None or name in FRAMING:
        raise BadRequest("malformed trailer")


def check_head(version: bytes, hosts: Sequence[bytes], codings: Sequence[bytes]) -> None:
    """Check a head as a whole, :rfc:`9112#section-3.2` and :rfc:`9112#section-6.1`.

    Args:
        version: of HTTP.
        hosts: what each ``Host`` says.
        codings: what each ``Transfer-Encoding`` says.

    Raises:
        BadRequest: it has no Host where there has to be one, or is coded as none may be.
    """
    if len(hosts) != 1 and (hosts or version == b"HTTP/1.1"):
        raise BadRequest("a request has one Host")
    if not all(AUTHORITY.fullmatch(host) for host in hosts):
        raise BadRequest("malformed Host")
    if codings and (version == b"HTTP/1.0" or [coding.lower() for coding in codings] != [CHUNKED]):
        raise BadRequest("the one coding is chunked, of HTTP/1.1")


def is_last(version: bytes, options: Sequence[bytes]) -> bool:
    """Say whether no other request follows, :rfc:`9112#section-9.3`.

    Args:
        version: of HTTP.
        options: what each ``Connection`` says.
    """
    listed = b",".join(options).lower().split(b",")
    return version != b"HTTP/1.1" or b"close" in (option.strip(b" \t") for option in listed)
