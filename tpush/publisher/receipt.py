"""A receipt as the answer of a request: who wants one, and what it says."""

import json

from twisted.internet.defer import Deferred

from tpush.publisher.errors import BadRequest
from tpush.publisher.form import Fields
from tpush.publisher.request import PublisherRequest
from tpush.receipt import Counts, Receipt

RECEIPT = b"receipt"
REPRESENTATION = b"return=representation"
""":rfc:`7240#section-4.2`."""

NOTHING = Receipt(Counts(), workers=0, missing=0)
"""Of a message that was not sent, as it has no content."""


def wants_receipt(request: PublisherRequest, fields: Fields) -> bool:
    """Say whether a request asks for a receipt, by a field or by a ``Prefer`` header.

    Raises:
        BadRequest: the field is neither 1 nor 0.
    """
    field = fields.get(RECEIPT, b"0")
    if field not in (b"0", b"1", b""):
        raise BadRequest("receipt is 1 or 0")
    if field == b"1":
        return True
    prefer = b",".join(request.requestHeaders.getRawHeaders(b"Prefer") or ())
    if REPRESENTATION not in (preference.strip().lower() for preference in prefer.split(b",")):
        return False
    request.setHeader(b"Preference-Applied", REPRESENTATION)
    return True


def answer_receipt(request: PublisherRequest, receipt: Receipt, *, addressed: bool) -> bytes:
    """Set the status that goes with a receipt, and return its body.

    Args:
        request: what is answered.
        receipt: what is known.
        addressed: the message was for one connection: that nobody has it is an error.
    """
    request.setHeader(b"Content-Type", b"application/json")
    status = 200
    said: dict[str, object] = {**receipt.as_dict()}
    if not receipt.complete:
        status = 504
    elif addressed and not receipt.counts.matched:
        status, said = 404, {"error": "no such connection"}
    request.set_receipt(status)
    return json.dumps(said).encode() + b"\n"


def answer_when_there(
    request: PublisherRequest, waiting: Deferred[Receipt], *, addressed: bool
) -> int:
    """Answer as soon as the receipt is there; return what a resource returns meanwhile."""
    body = waiting.addCallback(
        lambda receipt: answer_receipt(request, receipt, addressed=addressed)
    )
    return request.answer_later(body)
