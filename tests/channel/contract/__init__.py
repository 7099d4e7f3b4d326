"""What every channel owes its programs, whatever carries it."""

from tests.channel.contract.announcements import Announcements
from tests.channel.contract.history import History
from tests.channel.contract.jobs import Jobs
from tests.channel.contract.lifetime import Lifetime
from tests.channel.contract.messages import Messages
from tests.channel.contract.orders import Orders
from tests.channel.contract.receipts import Receipts
from tests.channel.contract.subscriptions import Subscriptions
from tests.channel.contract.targets import Targets


class ChannelContract(
    Messages, Targets, Receipts, Orders, History, Announcements, Subscriptions, Jobs, Lifetime
):
    """The tests; those who inherit say how a channel is made."""
