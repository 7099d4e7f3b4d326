"""Where the JSON API begins."""

from tpush.interfaces import IChannel
from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.v1.messages import Batch, Publish
from tpush.publisher.v1.openapi.document import Description
from tpush.publisher.v1.ordering import Ordering
from tpush.publisher.v1.publishing import Publishing
from tpush.publisher.v1.resource import NoSuchResource
from tpush.publisher.v1.verbs import Closing, Collection, Information, Unbinding


class V1(NoSuchResource):
    """What is at ``/v1``.

    Args:
        channel: what everything goes through.
        guard: who may.
        load: whether there is time for it.
    """

    def __init__(self, channel: IChannel, guard: Guard, load: Load) -> None:
        super().__init__()
        publishing, ordering = Publishing(channel, load.metrics), Ordering(channel)
        self.putChild(b"publish", Publish(publishing, guard, load))
        self.putChild(b"batch", Batch(publishing, guard, load))
        self.putChild(b"close", Closing(ordering, guard, load))
        self.putChild(b"unbind", Unbinding(ordering, guard, load))
        self.putChild(b"info", Information(ordering, guard, load))
        self.putChild(b"groups", Collection("group", ordering, guard, load))
        self.putChild(b"users", Collection("user", ordering, guard, load))
        self.putChild(b"openapi.json", Description())
