"""``twistd tpush``: all roles in one process, over an in-process channel."""

from collections.abc import Sequence
from typing import ClassVar, cast

from twisted.application.service import IService, MultiService

from tpush import options
from tpush.access import KeyRing, Origins
from tpush.channel.local import LocalBroker
from tpush.commandline import RoleOptions
from tpush.net.collector import spare_collector
from tpush.net.hangup import OnHangUp
from tpush.options import Option
from tpush.publisher.service import PublisherService
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.service import PusherService


class Options(RoleOptions):
    """What the roles take together."""

    role: ClassVar[str] = "tpush"
    listening: ClassVar[Sequence[Option]] = (options.LISTEN_WS_TOO, options.LISTEN_HTTP_TOO)
    table: ClassVar[Sequence[Option]] = (
        options.LISTEN_WS_TOO,
        options.LISTEN_HTTP_TOO,
        options.JOB_ATTEMPTS,
        options.QUEUE_JOBS,
        options.QUEUE_BYTES,
        options.MAX_CONNECTIONS,
        options.MAX_HANDSHAKES,
        options.MAX_FRAMES,
        options.MAX_PENDING,
        options.SLOW_CLIENT,
        options.PING_INTERVAL,
        options.PING_TIMEOUT,
        options.MAX_BODY,
        options.API_KEY_FILE,
        options.ORIGIN,
        options.HOST,
        options.INSECURE,
    )
    guard: ClassVar[str] = "api-key-file"
    guarded: ClassVar[Sequence[Option]] = (options.LISTEN_HTTP_TOO,)


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return a service that holds all roles."""
    from twisted.internet import reactor

    reactor.callWhenRunning(spare_collector)
    limits = config.limits
    broker = LocalBroker(reactor, limits)
    roles = MultiService()
    PusherService(
        broker.channel(),
        config["listen-ws"],
        limits=limits,
        origins=Origins(config["origin"], config["host"]),
        slow=SlowPolicy(config["slow-client"]),
    ).setServiceParent(roles)
    publisher = PublisherService(
        broker.channel(),
        config["listen-http"],
        limits=limits,
        keys=KeyRing(config["api-key-file"]) if config["api-key-file"] else None,
        hosts=config["host"],
    )
    publisher.setServiceParent(roles)
    OnHangUp(publisher.reload).setServiceParent(publisher)
    return config.hold(cast(IService, roles))
