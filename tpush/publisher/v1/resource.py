"""Resources of the JSON API."""

import json
from typing import ClassVar

from twisted.web.resource import Resource
from typing_extensions import override

from tpush.interfaces import IChannel
from tpush.publisher.errors import UnsupportedBody
from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.plain import PlainResource
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1 import problem
from tpush.publisher.v1.order import read_json, read_order
from tpush.receipt import Receipt

ACCEPTED = b'{"accepted": true}\n'
JSON = b"application/json"


class APIResource(PlainResource):
    """A resource that is answered in JSON, and whose errors are problem details."""

    @override
    def refusal(self, request: PublisherRequest, status: int, reason: str) -> bytes:
        return problem.refuse(request, status, reason)

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return NoSuchResource()


class NoSuchResource(Resource):
    """What is at every path of the API where nothing is."""

    @override
    def render(self, request: PublisherRequest) -> bytes:
        return problem.refuse(request, 404, "there is nothing at this path")

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return self


class V1(NoSuchResource):
    """Where the API begins."""

    def __init__(self, channel: IChannel, guard: Guard, load: Load) -> None:
        super().__init__()
        self.putChild(b"publish", Publish(channel, guard, load))


class Publish(APIResource):
    """Publishes what a JSON object says, to whom it says.

    Args:
        channel: where to.
        guard: who may.
        load: whether there is time for it.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"POST",)

    def __init__(self, channel: IChannel, guard: Guard, load: Load) -> None:
        super().__init__()
        self._channel = channel
        self._guard = guard
        self._load = load

    @override
    def answer(self, request: PublisherRequest) -> bytes | int:
        self._guard.check(request)
        self._load.check()
        order = read_order(read_json(_content(request)))
        event, connection = order.target
        request.setHeader(b"Content-Type", JSON)
        if not order.receipt:
            self._channel.publish(event, order.data, text=order.text, connection=connection)
            return ACCEPTED
        waiting = self._channel.publish(
            event, order.data, text=order.text, connection=connection, receipt=True
        )
        body = waiting.addCallback(
            lambda receipt: _receipt(request, receipt, addressed=connection is not None)
        )
        return request.answer_later(body)


def _content(request: PublisherRequest) -> bytes:
    if request.requestHeaders.hasHeader(b"Content-Encoding"):
        raise UnsupportedBody("a body that is compressed is not read")
    kind = (request.getHeader(b"Content-Type") or JSON).partition(b";")[0].strip().lower()
    if kind != JSON:
        raise UnsupportedBody("a body is application/json")
    return bytes(request.content.read())


def _receipt(request: PublisherRequest, receipt: Receipt, *, addressed: bool) -> bytes:
    said = receipt.as_dict()
    if not receipt.complete:
        request.set_receipt(504)
        detail = "not all workers have told in time what became of it"
        return problem.body(request, 504, detail, receipt=said)
    if addressed and not receipt.counts.matched:
        request.set_receipt(404)
        return problem.body(request, 404, "no such connection", name="no-such-connection")
    request.set_receipt(200)
    return json.dumps(said).encode() + b"\n"
