"""Resources that publish."""

import json
from typing import Any

from typing_extensions import override

from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1.batch import answers, read_batch
from tpush.publisher.v1.body import JSON, NDJSON, kind_of, read_json
from tpush.publisher.v1.order import read_order
from tpush.publisher.v1.problem import Answer
from tpush.publisher.v1.publishing import Publishing
from tpush.publisher.v1.resource import APIResource, respond


class PublishingResource(APIResource):
    """A resource that publishes.

    Args:
        publishing: publishes.
        guard: who may.
        load: whether there is time for it.
    """

    def __init__(self, publishing: Publishing, guard: Guard, load: Load) -> None:
        super().__init__(guard, load)
        self._publishing = publishing


class Publish(PublishingResource):
    """Publishes what a JSON object says, to whom it says."""

    @override
    def answer(self, request: PublisherRequest) -> bytes | int:
        self.check(request)
        kind_of(request, JSON)
        order = read_order(read_json(request.content.read()))
        answer = self._publishing.publish(order)
        if isinstance(answer, Answer):
            return respond(answer, request)
        return request.answer_later(answer.addCallback(respond, request))


class Batch(PublishingResource):
    """Publishes many, and answers each in its place."""

    @override
    def answer(self, request: PublisherRequest) -> int:
        self.check(request)
        kind = kind_of(request, JSON, NDJSON)
        batch = read_batch(request.content.read(), lines=kind == NDJSON)
        answered = answers(batch, self._publishing)
        return request.answer_later(answered.addCallback(_list, request, kind))


def _list(said: list[Any], request: PublisherRequest, kind: bytes) -> bytes:
    request.setHeader(b"Content-Type", kind)
    if kind == NDJSON:
        return "".join(json.dumps(each) + "\n" for each in said).encode()
    return json.dumps(said).encode() + b"\n"
