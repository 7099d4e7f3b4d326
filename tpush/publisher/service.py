"""The publisher's lifetime."""

from collections.abc import Collection, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from typing_extensions import override

from tpush.access import KeyRing
from tpush.health import Health
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.net.lag import LagMeter
from tpush.net.listener import EndpointFor, Listener
from tpush.publisher.guard import Guard
from tpush.publisher.site import PublisherSite


class PublisherService(MultiService):
    """Takes HTTP requests of back ends, and publishes what they carry.

    Args:
        channel: this publisher's alone; it is closed when the service stops.
        listen: Twisted server endpoint strings.
        reactor: the reactor to use; the default is Twisted's global one.
        limits: bounds and times.
        keys: one of them is asked for; without any, only pages of other sites are kept out.
        hosts: names of this server, besides ``localhost`` and addresses.
        endpoint_for: turns a string into an endpoint, where it is not the reactor's own.
    """

    log = Logger()

    def __init__(
        self,
        channel: IChannel,
        listen: Sequence[str] = ("tcp:4237:interface=127.0.0.1",),
        *,
        reactor: Any = None,
        limits: Limits | None = None,
        keys: KeyRing | None = None,
        hosts: Collection[str] = (),
        endpoint_for: EndpointFor | None = None,
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        self._channel = channel
        self._reactor = reactor
        self._limits = limits or Limits()
        self._keys = keys
        self._health = Health(channel, reactor, self._limits.drain_grace)
        guard = Guard(keys, frozenset(host.lower() for host in hosts))
        meter = LagMeter(reactor)
        meter.setServiceParent(self)
        self.site = PublisherSite(
            channel, reactor, self._limits, guard, lambda: meter.seconds, self._health
        )
        self.listener = Listener(listen, self.site, reactor, endpoint_for=endpoint_for)
        self.listener.setServiceParent(self)

    @override
    def startService(self) -> None:
        super().startService()
        self.log.info("publisher started")

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    def reload(self) -> None:
        """Read the keys again.

        Raises:
            UnsafeSecret: they cannot be used; those that were there are in force.
        """
        if self._keys is not None:
            self._keys.reload()

    async def _stop(self) -> None:
        self.site.connections.last = True
        await self._health.drain()
        await self.listener.stop_listening(last_call=True)
        await self.site.connections.drain(self._reactor, self._limits.drain_within)
        await self._channel.close()
        await super().stopService()
        self.log.info("publisher stopped")
