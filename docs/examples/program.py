"""A program of your own that has a whole cluster in it: ``twistd -ny program.py``.

It answers every browser that connects to its shop, and counts in a work queue what was published.
"""

from twisted.application.internet import TimerService
from twisted.application.service import Application, MultiService

import tpush
from tpush.channel.service import ChannelService
from tpush.publisher.service import PublisherService
from tpush.pusher.service import PusherService

CHANNEL = "tcp:127.0.0.1:2206"


class Shop(MultiService):
    """What the program is about: it tells everybody the price, and notes the orders."""

    def __init__(self) -> None:
        super().__init__()
        self.channel = tpush.connect(CHANNEL, name="shop")
        self.channel.watch("orders", self.deliver)
        TimerService(1, self.tell_price).setServiceParent(self)

    def tell_price(self) -> None:
        """Publish to all browsers."""
        self.channel.publish("broadcast", "the price is 42")

    async def deliver(self, job: tpush.Job) -> None:
        """Do one job; the next one comes when this has finished."""
        self.channel.publish("broadcast", f"delivered {job.data.decode()}")


application = Application("shop")
ChannelService(["tcp:2206:interface=127.0.0.1"]).setServiceParent(application)
PusherService(tpush.connect(CHANNEL), ["tcp:4236:interface=127.0.0.1"]).setServiceParent(
    application
)
PublisherService(tpush.connect(CHANNEL), ["tcp:4237:interface=127.0.0.1"]).setServiceParent(
    application
)
Shop().setServiceParent(application)
