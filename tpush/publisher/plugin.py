"""``twistd tpush-http``: its options and its service."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from twisted.application.service import IService

from tpush.access import KeyRing
from tpush.commandline import RoleOptions
from tpush.connect import connect_role
from tpush.launch import launch_workers
from tpush.limits import Limits
from tpush.net.hangup import OnHangUp
from tpush.net.listener import EndpointFor
from tpush.options import shared
from tpush.options.option import Option
from tpush.publisher.service import PublisherService
from tpush.publisher.settings import BACK_END_OPTIONS


class Options(RoleOptions):
    """What a publisher takes."""

    role: ClassVar[str] = "tpush-http"
    listening: ClassVar[Sequence[Option]] = (shared.LISTEN_HTTP,)
    table: ClassVar[Sequence[Option]] = (
        shared.LISTEN_HTTP,
        shared.CHANNEL,
        shared.WORKERS,
        shared.NAME,
        shared.SILENCE,
        shared.SECRET_FILE,
        shared.MAX_HELD,
        shared.MAX_HELD_BYTES,
        *BACK_END_OPTIONS,
        shared.DRAIN_GRACE,
        shared.HOST,
        shared.INSECURE,
    )
    guard: ClassVar[str] = "api-key-file"
    guarded: ClassVar[Sequence[Option]] = listening


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return the service: a publisher, or the parent of several."""
    return launch_workers(config, make_worker)


def make_worker(
    settings: Mapping[str, Any], reactor: Any = None, endpoint_for: EndpointFor | None = None
) -> IService:
    """Return one publisher.

    Args:
        settings: what the options say, as it travels to a worker process.
        reactor: the reactor to use; the default is Twisted's global one.
        endpoint_for: turns a string into an endpoint, in a worker process.
    """
    limits = Limits(**settings["limits"])
    channel = connect_role(Options.role, settings, reactor, limits)
    publisher = PublisherService(
        channel,
        settings["listen"],
        reactor=reactor,
        limits=limits,
        keys=KeyRing(settings["api-key-file"]) if settings["api-key-file"] else None,
        hosts=settings["host"],
        endpoint_for=endpoint_for,
    )
    OnHangUp(publisher.reload, reactor=reactor).setServiceParent(publisher)
    return publisher
