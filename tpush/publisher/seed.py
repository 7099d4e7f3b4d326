"""The URL that it all began with: a request there is a message to all, or to one connection."""

from typing import ClassVar

from typing_extensions import override

from tpush.interfaces import IChannel
from tpush.publisher.address import destination
from tpush.publisher.errors import UnsupportedBody
from tpush.publisher.form import Fields, parse_form, parse_query
from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.plain import PlainResource
from tpush.publisher.receipt import (
    NOTHING,
    answer_receipt,
    answer_when_there,
    wants_receipt,
)
from tpush.publisher.request import PublisherRequest

CONTENT = b"content"
OK = b"ok"


class Seed(PlainResource):
    """Publishes the field ``content``; empty, there is nothing to publish, and that is ok.

    Args:
        channel: where to.
        guard: who may.
        load: whether there is time for it.
        max_fields: of the URL, and of a form.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET", b"POST")

    def __init__(self, channel: IChannel, guard: Guard, load: Load, max_fields: int) -> None:
        super().__init__()
        self._max_fields = max_fields
        self._channel = channel
        self._load = load
        self._guard = guard

    @override
    def answer(self, request: PublisherRequest) -> bytes | int:
        self._guard.check(request)
        self._load.check()
        fields = parse_query(request.query, self._max_fields)
        if request.method == b"POST":
            fields |= _body_fields(request, self._max_fields)
        event, connection = destination(fields)
        content = fields.get(CONTENT)
        if not wants_receipt(request, fields):
            if content:
                self._channel.publish(event, content, text=True, connection=connection)
            return OK
        if not content:
            return answer_receipt(request, NOTHING, addressed=False)
        waiting = self._channel.publish(
            event, content, text=True, connection=connection, receipt=True
        )
        return answer_when_there(request, waiting, addressed=connection is not None)


def _body_fields(request: PublisherRequest, most: int) -> Fields:
    body = request.content.read()
    if not body:
        return {}
    if request.requestHeaders.hasHeader(b"Content-Encoding"):
        raise UnsupportedBody("a body that is compressed is not read")
    return parse_form(request.getHeader(b"Content-Type") or b"", body, most)
