"""The channel's lifetime."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from typing_extensions import override

from tpush.channel.broker import Broker
from tpush.channel.server import ChannelServer
from tpush.limits import Limits
from tpush.net.listener import Listener


class ChannelService(MultiService):
    """The broker of a cluster: roles and programs connect to it.

    Args:
        listen: Twisted server endpoint strings.
        reactor: the reactor to use; the default is Twisted's global one.
        limits: bounds and times.
        secrets: a peer has to know one of them; without any, whoever connects is trusted.
        entropy: gives that many random bytes.
    """

    log = Logger()

    def __init__(
        self,
        listen: Sequence[str] = ("tcp:2206:interface=127.0.0.1",),
        *,
        reactor: Any = None,
        limits: Limits | None = None,
        secrets: Sequence[bytes] = (),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        limits = limits or Limits()
        broker = Broker(entropy(16), limits, reactor.seconds(), limits.settle)
        self._server = ChannelServer(broker, reactor, limits, secrets, entropy)
        self.listener = Listener(listen, self._server, reactor)
        self.listener.setServiceParent(self)

    @override
    def startService(self) -> None:
        super().startService()
        self.log.info("channel started")

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self.listener.stop_listening()
        self._server.stop()
        await super().stopService()
        self.log.info("channel stopped")
