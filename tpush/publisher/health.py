"""Whether this publisher is of use at the moment, for whoever balances load."""

from typing import ClassVar

from typing_extensions import override

from tpush.health import Health
from tpush.publisher.plain import PlainResource
from tpush.publisher.request import PublisherRequest


class HealthResource(PlainResource):
    """Tells whether this publisher is of use.

    Args:
        state: whether it is.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET", b"HEAD")

    def __init__(self, state: Health) -> None:
        super().__init__()
        self._state = state

    @override
    def answer(self, request: PublisherRequest) -> bytes:
        complaint = self._state.complaint()
        return request.refuse(503, complaint) if complaint else b"ok"
