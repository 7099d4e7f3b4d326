"""``twistd tpush-channel``: its options and its service."""

from collections.abc import Sequence
from typing import ClassVar, cast

from twisted.application.service import IService

from tpush import options
from tpush.channel.service import ChannelService
from tpush.channel.settings import BROKER_OPTIONS, history
from tpush.commandline import RoleOptions
from tpush.launch import launch
from tpush.net.hangup import OnHangUp
from tpush.options import Option


class Options(RoleOptions):
    """What the channel takes."""

    role: ClassVar[str] = "tpush-channel"
    listening: ClassVar[Sequence[Option]] = (options.LISTEN_CHANNEL,)
    table: ClassVar[Sequence[Option]] = (
        options.LISTEN_CHANNEL,
        options.SETTLE,
        options.LINGER,
        options.SILENCE,
        *BROKER_OPTIONS,
        options.MAX_KEYS,
        options.KEY_TIME,
        options.MAX_SUBSCRIPTIONS,
        options.MAX_PEER_PENDING,
        options.MAX_PEER_MESSAGES,
        options.SECRET_FILE,
        options.INSECURE,
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
