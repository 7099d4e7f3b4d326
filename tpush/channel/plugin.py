"""``twistd tpush-channel``: its options and its service."""

from collections.abc import Sequence
from typing import ClassVar, cast

from twisted.application.service import IService

from tpush.channel.service import ChannelService
from tpush.channel.settings import BROKER_OPTIONS, history
from tpush.commandline import RoleOptions
from tpush.launch import launch
from tpush.net.hangup import OnHangUp
from tpush.options import broker, shared
from tpush.options.option import Option


class Options(RoleOptions):
    """What the channel takes."""

    role: ClassVar[str] = "tpush-channel"
    listening: ClassVar[Sequence[Option]] = (shared.LISTEN_CHANNEL,)
    table: ClassVar[Sequence[Option]] = (
        shared.LISTEN_CHANNEL,
        broker.SETTLE,
        broker.LINGER,
        shared.SILENCE,
        *BROKER_OPTIONS,
        broker.MAX_KEYS,
        broker.KEY_TIME,
        broker.MAX_SUBSCRIPTIONS,
        broker.MAX_PEER_PENDING,
        broker.MAX_PEER_MESSAGES,
        shared.SECRET_FILE,
        shared.INSECURE,
    )
    guard: ClassVar[str] = "secret-file"
    guarded: ClassVar[Sequence[Option]] = listening


def makeService(config: Options) -> IService:  # noqa: N802 - ServiceMaker looks for this name
    """Return the channel's service."""

    def make() -> IService:
        channel = ChannelService(
            config["listen"],
            limits=config.limits,
            secrets=config.secrets,
            history=history(config),
        )

        def reload() -> None:
            config.read_files()
            channel.replace_secrets(config.secrets)

        OnHangUp(reload).setServiceParent(channel)
        return cast(IService, channel)

    return launch(config, make)
