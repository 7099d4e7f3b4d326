"""What `twistd` starts: a role on the settings of this process that are tpush's to make."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from twisted.application.service import IService, MultiService
from typing_extensions import override

from tpush.commandline import RoleOptions
from tpush.errors import CannotListen
from tpush.limits import share
from tpush.net.clock import go_steady
from tpush.net.collector import spare_collector
from tpush.net.ending import end_in_good_order
from tpush.net.free_memory import FreeMemory
from tpush.net.prefork import PreforkService


def launch(config: RoleOptions, make: Callable[[], IService]) -> IService:
    """Return what `twistd` is to start.

    Args:
        config: the role's options.
        make: makes the role's service. Nothing that has a timer may be made before it is called.
    """
    from twisted.internet import reactor

    go_steady(reactor)
    twistd = getattr(config, "parent", None)
    program = _Program(config.role, reactor, foreground=bool(twistd and twistd.get("nodaemon")))
    FreeMemory(reactor).setServiceParent(program)
    make().setServiceParent(program)
    return cast(IService, program)


def launch_workers(
    config: RoleOptions,
    make_worker: Callable[[Mapping[str, Any]], IService],
    *,
    rolling: bool = False,
) -> IService:
    """Return what `twistd` is to start for a role that has workers.

    Args:
        config: the role's options.
        make_worker: makes one worker of its settings, here or, by its name, in another process.
        rolling: several workers are replaced at a SIGHUP; else each reads its files again.
    """
    from twisted.internet import reactor

    workers: int = config["workers"]

    def settings() -> Mapping[str, Any]:
        return {**config.settings, "limits": share(config.settings["limits"], workers)}

    def renew() -> Mapping[str, Any]:
        config.read_files()
        return settings()

    def make_parent() -> IService:
        module = make_worker.__module__
        parent = PreforkService(module, settings(), workers, renew=renew if rolling else None)
        return cast(IService, parent)

    if workers > 1:
        return launch(config, make_parent)
    reactor.callWhenRunning(spare_collector)
    return launch(config, lambda: make_worker(config.settings))


class _Program(MultiService):
    """Holds all services of a program.

    Between the look at the endpoints and now somebody else may have taken one. In the foreground
    that ends with one line as well; in the background `twistd` says it itself.
    """

    def __init__(self, role: str, reactor: Any, *, foreground: bool) -> None:
        super().__init__()
        self._role = role
        self._reactor = reactor
        self._foreground = foreground

    @override
    def privilegedStartService(self) -> None:
        try:
            super().privilegedStartService()
        except CannotListen as error:
            if self._foreground:
                raise SystemExit(f"{self._role}: {error}") from None
            raise
        end_in_good_order(self._reactor)  # after the fork of one that goes into the background
