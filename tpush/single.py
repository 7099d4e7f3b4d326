"""``twistd tpush``: all roles in one process, over an in-process channel."""

from collections.abc import Sequence
from typing import ClassVar, cast

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from typing_extensions import override

from tpush.access import KeyRing
from tpush.channel.local import LocalBroker
from tpush.channel.settings import BROKER_OPTIONS, history
from tpush.commandline import RoleOptions
from tpush.launch import launch
from tpush.net.collector import spare_collector
from tpush.net.hangup import OnHangUp
from tpush.options import shared
from tpush.options.option import Option
from tpush.publisher.service import PublisherService
from tpush.publisher.settings import BACK_END_OPTIONS
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.service import PusherService
from tpush.pusher.settings import CLIENT_OPTIONS, admission, check_hooks, hooks, proxies


class Options(RoleOptions):
    """What the roles take together."""

    role: ClassVar[str] = "tpush"
    listening: ClassVar[Sequence[Option]] = (shared.LISTEN_WS_TOO, shared.LISTEN_HTTP_TOO)
    table: ClassVar[Sequence[Option]] = (
        shared.LISTEN_WS_TOO,
        shared.LISTEN_HTTP_TOO,
        *BROKER_OPTIONS,
        *CLIENT_OPTIONS,
        *BACK_END_OPTIONS,
        shared.HOST,
        shared.INSECURE,
    )
    guard: ClassVar[str] = "api-key-file"
    guarded: ClassVar[Sequence[Option]] = (shared.LISTEN_HTTP_TOO,)

    @override
    def check(self) -> None:
        super().check()
        admission(self)
        proxies(self)
        check_hooks(self)


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return a service that holds all roles."""
    return launch(config, lambda: _make(config))


def _make(config: Options) -> IService:
    from twisted.internet import reactor

    reactor.callWhenRunning(spare_collector)
    limits = config.limits
    broker = LocalBroker(reactor, limits, history(config))
    pusher = PusherService(
        broker.channel(),
        config["listen-ws"],
        limits=limits,
        admission=admission(config),
        slow=SlowPolicy(config["slow-client"]),
        proxies=proxies(config),
        hooks=hooks(config),
        presence=config["presence"],
    )
    publisher = PublisherService(
        broker.channel(),
        config["listen-http"],
        limits=limits,
        keys=KeyRing(config["api-key-file"]) if config["api-key-file"] else None,
        hosts=config["host"],
    )
    return cast(IService, Roles([pusher, publisher], OnHangUp(pusher.reload, publisher.reload)))


class Roles(MultiService):
    """Holds all roles, and minds a SIGHUP until the last of them has stopped.

    Without a handler it would end the process, while some of them are still going away.

    Args:
        roles: each takes the time that it needs to stop.
        hang_up: minds it.
    """

    def __init__(self, roles: Sequence[Service], hang_up: OnHangUp) -> None:
        super().__init__()
        self._hang_up = hang_up
        for role in roles:
            role.setServiceParent(self)

    @override
    def startService(self) -> None:
        self._hang_up.startService()
        super().startService()

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await super().stopService()
        self._hang_up.stopService()
