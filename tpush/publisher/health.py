"""Whether this publisher is of use at the moment, for whoever balances load."""

from typing import ClassVar

from typing_extensions import override

from tpush.interfaces import IChannel
from tpush.publisher.plain import PlainResource
from tpush.publisher.request import PublisherRequest


class Health(PlainResource):
    """Tells whether the channel can be reached.

    Args:
        channel: which.
    """

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET", b"HEAD")

    def __init__(self, channel: IChannel) -> None:
        super().__init__()
        self._channel = channel

    @override
    def answer(self, request: PublisherRequest) -> bytes:
        if not self._channel.connected:
            return request.refuse(503, "channel not connected")
        return b"ok"
