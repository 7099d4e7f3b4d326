"""``twistd tpush-ws``: its options and its service."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from twisted.application.service import IService
from typing_extensions import override

from tpush.commandline import RoleOptions
from tpush.connect import connect_role
from tpush.launch import launch_workers
from tpush.limits import Limits
from tpush.net.hangup import OnHangUp
from tpush.net.listener import EndpointFor
from tpush.options import shared
from tpush.options.option import Option
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.service import PusherService
from tpush.pusher.settings import CLIENT_OPTIONS, admission, check_hooks, hooks, proxies


class Options(RoleOptions):
    """What a pusher takes."""

    role: ClassVar[str] = "tpush-ws"
    listening: ClassVar[Sequence[Option]] = (shared.LISTEN_WS,)
    table: ClassVar[Sequence[Option]] = (
        shared.LISTEN_WS,
        shared.CHANNEL,
        shared.WORKERS,
        shared.NAME,
        shared.SILENCE,
        *CLIENT_OPTIONS,
        shared.SECRET_FILE,
        shared.HOST,
    )

    @override
    def check(self) -> None:
        super().check()
        admission(self)
        proxies(self)
        check_hooks(self)


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return the service: a worker, or the parent of several."""
    return launch_workers(config, make_worker, rolling=True)


def make_worker(
    settings: Mapping[str, Any], reactor: Any = None, endpoint_for: EndpointFor | None = None
) -> IService:
    """Return one worker.

    Args:
        settings: what the options say, as it travels to a worker process.
        reactor: the reactor to use; the default is Twisted's global one.
        endpoint_for: turns a string into an endpoint, in a worker process.
    """
    limits = Limits(**settings["limits"])
    channel = connect_role(Options.role, settings, reactor, limits)
    pusher = PusherService(
        channel,
        settings["listen"],
        reactor=reactor,
        limits=limits,
        admission=admission(settings),
        slow=SlowPolicy(settings["slow-client"]),
        proxies=proxies(settings),
        endpoint_for=endpoint_for,
        hooks=hooks(settings),
        presence=settings["presence"],
    )
    OnHangUp(pusher.reload, reactor=reactor).setServiceParent(pusher)
    return pusher
