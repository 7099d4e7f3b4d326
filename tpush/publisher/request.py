"""One HTTP request, and its answer in plain text."""

from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from typing_extensions import override

from tpush.errors import TooLarge
from tpush.publisher.load import Load


class PublisherRequest(server.Request):
    """A request whose body is bounded, and held in memory.

    Args:
        channel: the connection that it came on.
        queued: how many requests wait on that connection.
        max_body: bytes of the body; beyond it, :exc:`~tpush.errors.TooLarge` where the length is
            announced, or where more of it arrives.
        load: counts it; :exc:`~tpush.publisher.errors.Overloaded` where there is no room.
    """

    log = Logger()
    defaultContentType = b"text/plain; charset=utf-8"
    content: Any
    transport: Any
    query = b""
    """What follows the first ``?`` of its target, as it was sent."""

    def __init__(self, channel: Any, queued: int, *, max_body: int, load: Load) -> None:
        super().__init__(channel, queued)
        self._load = load
        self._counted = False
        self._max_body = max_body
        self._gone = False

    @override
    def gotLength(self, length: int | None) -> None:
        self._load.begin()
        self._counted = True
        if length is not None:
            self._check(length)
        self.content = BytesIO()

    @override
    def handleContentChunk(self, data: bytes) -> None:
        self._check(self.content.tell() + len(data))
        self.content.write(data)

    @override
    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        # Not twisted.web's own, which reads query and form at once; why not, form.py says. Nor may
        # anything raise here, where it would end the connection without an answer.
        self.content.seek(0)
        self.args = {}
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, self.query = path.partition(b"?")
        self.process()

    @override
    def render(self, resrc: Any) -> None:
        # Not twisted.web's own, which answers 501 to a method that nobody has heard of.
        body = resrc.render(self)
        if body is not server.NOT_DONE_YET:
            self.answer(body)

    @override
    def processingFailed(self, reason: Failure) -> Failure:
        self.log.failure("500 to {method!r} {path!r}", reason, method=self.method, path=self.path)
        if self.startedWriting:
            self.transport.abortConnection()
        else:
            self.answer(self.refuse(500, "internal error"))
        return reason

    def refuse(self, status: int, reason: str) -> bytes:
        """Set the status, and return the body that says why in one line."""
        self._load.metrics.refused[status] += 1
        self.setResponseCode(status)
        return reason.encode()

    def set_receipt(self, status: int) -> None:
        """Set the status of an answer that is a receipt."""
        self._load.metrics.receipts[status] += 1
        self.setResponseCode(status)

    def answer(self, body: bytes) -> None:
        """Send the answer, and be done; nothing where nobody waits for it any more."""
        if self._gone:
            return
        self.setHeader(b"Content-Length", b"%d" % len(body))
        self.write(body)
        self.finish()

    @override
    def finish(self) -> None:
        self._uncount()
        super().finish()

    def answer_later(self, body: Deferred[bytes]) -> int:
        """Answer when *body* fires; return what a resource returns meanwhile."""
        answered = body.addCallback(self.answer)
        _logged = answered.addErrback(self.processingFailed).addErrback(lambda _: None)
        return int(server.NOT_DONE_YET)

    @override
    def connectionLost(self, reason: Failure) -> None:
        self._gone = True
        self._uncount()
        super().connectionLost(reason)

    def _uncount(self) -> None:
        if self._counted:
            self._counted = False
            self._load.end()

    def _check(self, length: int) -> None:
        if length > self._max_body:
            raise TooLarge(f"a body has at most {self._max_body} bytes")
