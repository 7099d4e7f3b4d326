"""The channel's lifetime."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from tpush.channel.broker import Broker
from tpush.channel.history import HistoryRule
from tpush.channel.peer_link import PeerLink
from tpush.channel.server import ChannelServer
from tpush.limits import Limits
from tpush.net.listener import Listener


class _Door(Factory):
    """Lets peers in to the channel that there is at the moment."""

    noisy = False
    server: ChannelServer | None = None

    @override
    def buildProtocol(self, addr: IAddress | None) -> PeerLink | None:
        return self.server.buildProtocol(addr) if self.server is not None else None


class ChannelService(MultiService):
    """The broker of a cluster: roles and programs connect to it.

    Args:
        listen: Twisted server endpoint strings.
        reactor: the reactor to use; the default is Twisted's global one.
        limits: bounds and times.
        secrets: a peer has to know one of them; without any, whoever connects is trusted.
        history: what is kept of groups' messages, for clients that come back; by default nothing.
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
        history: Sequence[HistoryRule] = (),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        self._reactor = reactor
        self._limits = limits or Limits()
        self._secrets = secrets
        self._history = history
        self._entropy = entropy
        self._door = _Door()
        self.listener = Listener(listen, self._door, reactor)
        self.listener.setServiceParent(self)

    @override
    def startService(self) -> None:
        # Each start is a channel that knows nobody, as a new process would be.
        limits, now = self._limits, self._reactor.seconds()
        broker = Broker(self._entropy(16), limits, now, limits.settle, self._history)
        self._door.server = ChannelServer(
            broker, self._reactor, limits, self._secrets, self._entropy
        )
        super().startService()
        self.log.info("channel started")

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    def replace_secrets(self, secrets: Sequence[bytes]) -> None:
        """Ask those who connect from now on for one of *secrets*."""
        self._secrets = secrets
        if self._door.server is not None:
            self._door.server.secrets = secrets

    async def _stop(self) -> None:
        await self.listener.stop_listening()
        if self._door.server is not None:
            await self._door.server.leave()
        await super().stopService()
        self.log.info("channel stopped")
