"""A post that does as it is told."""

from twisted.internet.defer import CancelledError, Deferred
from typing_extensions import override

from tpush.errors import HookFailed, HookGone
from tpush.hooks.post import Post


class FakePost(Post):
    """Notes what is sent; each answer is the test's to give."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.waiting: list[Deferred[bytes]] = []
        self.cancelled = 0

    @override
    async def send(self, name: str, body: bytes) -> bytes:
        self.sent.append((name, body))
        answer: Deferred[bytes] = Deferred()
        self.waiting.append(answer)
        try:
            return await answer
        except CancelledError:
            self.cancelled += 1
            self.waiting.remove(answer)
            raise

    def answer(self, body: bytes = b"{}") -> None:
        self.waiting.pop(0).callback(body)

    def fail(
        self, why: str = "the answer is 500", *, unanswered: bool = False, asked: float = 0.0
    ) -> None:
        self.waiting.pop(0).errback(HookFailed(why, unanswered=unanswered, asked=asked))

    def be_gone(self) -> None:
        self.waiting.pop(0).errback(HookGone("the answer is 410"))
