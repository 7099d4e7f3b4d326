"""A plain ``GET /health`` where clients connect, as those send it who balance load. Pure."""

import re
from typing import Final

from tpush.pusher.refusal import refusal as plain_answer

BEGINS: Final = (b"GET /health", b"HEAD /health")
"""How a probe begins: nobody else is looked at twice."""

ENDS: Final = b"\r\n\r\n"

HEAD = re.compile(
    rb"(GET|HEAD) /health(?:\?[^ \r\n]*)? HTTP/1\.[01]\r\n"
    rb"(?:(?!(?i:upgrade:[^\r\n]*websocket))[^\r\n]+\r\n)*\r\n"
)
"""The head of a request that asks for no WebSocket. HTTP/1.0 is what some balancers speak, and
HTTP/2 what some clients offer with each request, to whom it is answered as if they had not:
:rfc:`9110#section-7.8`."""


def answer_probe(data: bytes, complaint: str) -> bytes | None:
    """Return the answer, after which the connection is closed; None where this is no probe.

    Args:
        data: all that has come.
        complaint: why nothing new should be sent here, or nothing.
    """
    match = HEAD.fullmatch(data)
    if match is None:
        return None
    answer = plain_answer(503, complaint) if complaint else plain_answer(200, "ok")
    return answer.partition(ENDS)[0] + ENDS if match[1] == b"HEAD" else answer
