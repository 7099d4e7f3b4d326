"""What all resources of the publisher have in common: methods, errors, plain text."""

from typing import Any, ClassVar

from twisted.web.resource import Resource
from typing_extensions import override

from tpush.errors import TPushError
from tpush.publisher.request import PublisherRequest


class Missing(Resource):
    """What is at every path where nothing is."""

    @override
    def render(self, request: PublisherRequest) -> bytes:
        return request.refuse(404, "there is nothing at this path")

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return self


class PlainResource(Resource):
    """A resource with a few methods, whose errors become statuses."""

    allowed: ClassVar[tuple[bytes, ...]]
    """The methods that it takes."""

    def answer(self, request: PublisherRequest) -> bytes | int:
        """Do what is asked.

        Returns:
            The body of the answer, or twisted.web's ``NOT_DONE_YET``.

        Raises:
            TPushError: its status and text are the answer.
        """
        raise NotImplementedError

    @override
    def render(self, request: PublisherRequest) -> Any:
        if request.method not in self.allowed:
            request.setHeader(b"Allow", b", ".join(self.allowed))
            methods = b", ".join(self.allowed).decode()
            return self.refusal(request, 405, f"the methods here: {methods}")
        try:
            return self.answer(request)
        except TPushError as error:
            if error.status == TPushError.status:
                raise
            if error.status == 503:
                request.setHeader(b"Retry-After", b"1")
            if error.status == 401:
                request.setHeader(b"WWW-Authenticate", b'Bearer realm="tpush"')
            return self.refusal(request, error.status, str(error))

    def refusal(self, request: PublisherRequest, status: int, reason: str) -> bytes:
        """Refuse a request; return the body that says why."""
        return request.refuse(status, reason)

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        return Missing()
