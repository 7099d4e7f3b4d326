"""What the resources of the JSON API have in common."""

import json
from typing import ClassVar

from twisted.web.resource import Resource
from typing_extensions import override

from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.plain import PlainResource
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1.body import JSON
from tpush.publisher.v1.problem import CONTENT_TYPE, Answer, problem


class JSONResource(PlainResource):
    """A resource that is answered in JSON, and whose errors are problem details."""

    @override
    def refusal(self, request: PublisherRequest, status: int, reason: str) -> bytes:
        return refuse(request, status, reason)

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return NoSuchResource()


class APIResource(JSONResource):
    """A resource that does something for those who may.

    Args:
        guard: who may.
        load: whether there is time for it.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"POST",)

    def __init__(self, guard: Guard, load: Load) -> None:
        super().__init__()
        self._guard = guard
        self._load = load

    def check(self, request: PublisherRequest) -> None:
        """Check that it may be done, and now.

        Raises:
            TPushError: it may not.
        """
        self._guard.check(request)
        self._load.check()


class NoSuchResource(Resource):
    """What is at every path of the API where nothing is."""

    @override
    def render(self, request: PublisherRequest) -> bytes:
        return refuse(request, 404, "there is nothing at this path")

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return self


def refuse(request: PublisherRequest, status: int, detail: str) -> bytes:
    """Refuse a request; return the body that says why."""
    _plain = request.refuse(status, detail)
    return respond(problem(status, detail), request)


def respond(answer: Answer, request: PublisherRequest) -> bytes:
    """Set the status of an answer and its type; return its body."""
    request.setResponseCode(answer.status)
    request.setHeader(b"Content-Type", CONTENT_TYPE if answer.is_problem else JSON)
    return json.dumps(answer.said).encode() + b"\n"
