"""Resources of the JSON API."""

import json
from typing import Any, ClassVar

from twisted.web.resource import Resource
from typing_extensions import override

from tpush.interfaces import IChannel
from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.plain import PlainResource
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1.batch import answers, read_batch
from tpush.publisher.v1.body import JSON, NDJSON, kind_of, read_json
from tpush.publisher.v1.order import read_order
from tpush.publisher.v1.problem import CONTENT_TYPE, Answer, problem
from tpush.publisher.v1.publishing import Publishing


class APIResource(PlainResource):
    """A resource that is answered in JSON, and whose errors are problem details.

    Args:
        publishing: publishes.
        guard: who may.
        load: whether there is time for it.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"POST",)

    def __init__(self, publishing: Publishing, guard: Guard, load: Load) -> None:
        super().__init__()
        self._publishing = publishing
        self._guard = guard
        self._load = load

    def check(self, request: PublisherRequest) -> None:
        """Check that it may be done, and now.

        Raises:
            TPushError: it may not.
        """
        self._guard.check(request)
        self._load.check()

    @override
    def refusal(self, request: PublisherRequest, status: int, reason: str) -> bytes:
        return refuse(request, status, reason)

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return NoSuchResource()


class NoSuchResource(Resource):
    """What is at every path of the API where nothing is."""

    @override
    def render(self, request: PublisherRequest) -> bytes:
        return refuse(request, 404, "there is nothing at this path")

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return self


class V1(NoSuchResource):
    """Where the API begins."""

    def __init__(self, channel: IChannel, guard: Guard, load: Load) -> None:
        super().__init__()
        publishing = Publishing(channel, load.metrics)
        self.putChild(b"publish", Publish(publishing, guard, load))
        self.putChild(b"batch", Batch(publishing, guard, load))


class Publish(APIResource):
    """Publishes what a JSON object says, to whom it says."""

    @override
    def answer(self, request: PublisherRequest) -> bytes | int:
        self.check(request)
        kind_of(request, JSON)
        order = read_order(read_json(request.content.read()))
        answer = self._publishing.publish(order)
        if isinstance(answer, Answer):
            return _body(answer, request)
        return request.answer_later(answer.addCallback(_body, request))


class Batch(APIResource):
    """Publishes many, and answers each in its place."""

    @override
    def answer(self, request: PublisherRequest) -> int:
        self.check(request)
        kind = kind_of(request, JSON, NDJSON)
        batch = read_batch(request.content.read(), lines=kind == NDJSON)
        answered = answers(batch, self._publishing)
        return request.answer_later(answered.addCallback(_list, request, kind))


def refuse(request: PublisherRequest, status: int, detail: str) -> bytes:
    """Refuse a request; return the body that says why."""
    _plain = request.refuse(status, detail)
    return _body(problem(status, detail), request)


def _body(answer: Answer, request: PublisherRequest) -> bytes:
    request.setResponseCode(answer.status)
    request.setHeader(b"Content-Type", CONTENT_TYPE if answer.is_problem else JSON)
    return json.dumps(answer.said).encode() + b"\n"


def _list(said: list[Any], request: PublisherRequest, kind: bytes) -> bytes:
    request.setHeader(b"Content-Type", kind)
    if kind == NDJSON:
        return "".join(json.dumps(each) + "\n" for each in said).encode()
    return json.dumps(said).encode() + b"\n"
