"""``twistd tpush``: all roles in one process, over an in-process channel."""

from collections.abc import Sequence
from typing import ClassVar

from twisted.application.service import IService, MultiService

from tpush import options
from tpush.channel.local import LocalBroker
from tpush.net.collector import spare_collector
from tpush.options import Option, RoleOptions
from tpush.publisher.service import PublisherService
from tpush.pusher.service import PusherService


class Options(RoleOptions):
    """What the roles take together."""

    role: ClassVar[str] = "tpush"
    listening: ClassVar[Sequence[Option]] = (options.LISTEN_WS_TOO, options.LISTEN_HTTP_TOO)
    table: ClassVar[Sequence[Option]] = (
        options.LISTEN_WS_TOO,
        options.LISTEN_HTTP_TOO,
        options.JOB_ATTEMPTS,
        options.MAX_BODY,
    )


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return a service that holds all roles."""
    from twisted.internet import reactor

    reactor.callWhenRunning(spare_collector)
    limits = config.limits
    broker = LocalBroker(reactor, limits)
    roles = MultiService()
    PusherService(broker.channel(), config["listen-ws"], limits=limits).setServiceParent(roles)
    PublisherService(broker.channel(), config["listen-http"], limits=limits).setServiceParent(roles)
    return roles
