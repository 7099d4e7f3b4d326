"""The lifetime of a worker: one audience, behind one channel."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from typing_extensions import override

from tpush.background import background
from tpush.errors import TPushError
from tpush.forwarded import Proxies
from tpush.health import Health
from tpush.hooks.settings import NO_HOOKS, HookSettings
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import BROADCAST, GONE, MAX_ID, OCCUPANCY, Message, WorkerID, worker_event
from tpush.metrics import RATED, PusherMetrics
from tpush.net.listener import EndpointFor, Listener
from tpush.pusher.admission import Admission
from tpush.pusher.backlog import SlowPolicy
from tpush.pusher.closing import MISSED, RESTART
from tpush.pusher.draining import drain, send_away
from tpush.pusher.factory import PusherFactory
from tpush.pusher.groups import Exchange
from tpush.pusher.hooks import Hooks
from tpush.pusher.orders import Orders
from tpush.pusher.presence import PresenceTelling, PresentGroups, tell_gone
from tpush.pusher.reporting import Reporter
from tpush.pusher.sampler import Sampler
from tpush.pusher.telling import NOBODY, Several
from tpush.receipt import Counts, Ticket

LAST_ROUNDS = 3
"""Times that the channel is asked whether there is more to come, for one and for those who leave at
the same time; one more, as machines are busy."""

ON_THE_WAY = 0.5
"""Seconds that a message may take from its publisher to the channel, on machines that are busy."""


class PusherService(MultiService):
    """Holds WebSocket connections, and sends them what is published.

    It has a worker id of its own from the start, and greets clients with it before it has ever
    reached a channel.

    Args:
        channel: this worker's alone; it is closed when the service stops.
        listen: Twisted server endpoint strings.
        reactor: the reactor to use; the default is Twisted's global one.
        limits: bounds and times.
        admission: who may connect; by default, programs and the pages of the host that they
            connect to.
        slow: what is done for a client that does not read as fast as messages come.
        proxies: that say whose connection theirs is; by default none is believed.
        endpoint_for: turns a string into an endpoint, where it is not the reactor's own.
        entropy: gives that many random bytes.
        hooks: back ends that are told what clients do, and asked who may connect; by default none.
        presence: patterns of groups whose clients may be told who is there; by default none.
    """

    log = Logger()

    def __init__(
        self,
        channel: IChannel,
        listen: Sequence[str] = ("tcp:4236:interface=127.0.0.1",),
        *,
        reactor: Any = None,
        limits: Limits | None = None,
        admission: Admission | None = None,
        slow: SlowPolicy = SlowPolicy.DISCONNECT,
        proxies: Proxies | None = None,
        endpoint_for: EndpointFor | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
        hooks: HookSettings = NO_HOOKS,
        presence: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        self._channel = channel
        self._reactor = reactor
        self._limits = limits or Limits()
        self._entropy = entropy
        self._health = Health(channel, reactor, self._limits.drain_grace)
        metrics = PusherMetrics()
        self._hooks = Hooks(hooks, reactor, self._limits, metrics, entropy)
        telling = self._hooks.telling
        self._presence: PresenceTelling | None = None
        if presence:
            publish = partial(channel.publish, json=True)
            self._presence = PresenceTelling(PresentGroups(presence), publish, reactor)
            telling = Several([telling, self._presence])
        self.factory = PusherFactory(
            self._draw(),
            reactor,
            self._limits,
            admission,
            slow,
            proxies,
            self._health.complaint,
            Exchange(self._listen_to, channel.unsubscribe, channel.publish, channel.recall),
            metrics,
            telling,
            self._hooks.asking,
            presence,
        )
        self._orders = Orders(
            self.factory.audience,
            self.factory.groups,
            telling,
            self._info,
            channel.settled,
            self._report,
        )
        self._reporter = Reporter(
            self.factory.fanout,
            self.factory.audience,
            reactor,
            self._report,
        )
        self.listener = Listener(
            listen,
            self.factory,
            reactor,
            eager=True,
            endpoint_for=endpoint_for,
            may_accept=self.factory.room.may_arrive,
        )
        self.listener.setServiceParent(self)
        self._away: Deferred[None] = succeed(None)
        """Clients are sent away until it fires."""
        self._rates = Sampler(reactor, self._rated)
        self._rates.setServiceParent(self)

    @property
    def worker(self) -> WorkerID:
        """The id of this worker."""
        return self.factory.audience.worker

    @override
    def startService(self) -> None:
        super().startService()
        self._channel.subscribe(BROADCAST, self._send)
        self._channel.obey(self._obey)
        if self._hooks.telling is not NOBODY:
            self._channel.subscribe(OCCUPANCY, self._tell_of_group)
        if self._presence:
            self._channel.subscribe(GONE, self._tell_gone)
        self._started = self._reactor.seconds()
        self._claim()
        self.log.info("worker {worker} started", worker=self.worker)

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    def reload(self) -> None:
        """Read the keys of tokens again, and the secrets that calls to back ends are signed with.

        Raises:
            UnsafeSecret: they cannot be used; those that were there are in force.
        """
        try:
            self._hooks.reload()
        finally:  # a key that was taken out is good for nothing from now on
            self.factory.admission.reload()

    async def _stop(self) -> None:
        await self._health.drain()
        await self.listener.stop_listening()
        await self._receive_accepted()
        await drain(self.factory, self._reactor, self._limits)
        self._away.cancel()
        self.factory.fanout.stop()
        self._reporter.stop()
        if self._presence is not None:
            self._presence.stop()
        self._channel.unsubscribe(BROADCAST)
        self._channel.unsubscribe(worker_event(self.worker))
        if self._channel.connected:
            hearing = Deferred.fromCoroutine(self._hear_the_last())
            with suppress(TimeoutError):
                await hearing.addTimeout(self._limits.stop_wait, self._reactor)
        # At once, as each may take all of the time that there is for it.
        told = Deferred.fromCoroutine(self._hooks.stop())
        await self._channel.close()
        await told
        await super().stopService()
        self.log.info("worker {worker} stopped", worker=self.worker)

    def _listen_to(self, event: str) -> None:
        self._channel.subscribe(event, self._send)

    def _send(self, message: Message) -> None:
        if message.ticket is None:
            self.factory.fanout.send(message)
        else:
            self._reporter.send(message, message.ticket)

    def _obey(self, message: Message) -> None:
        self.factory.flush()  # what was published before is for whom it was then
        self._orders.obey(message)

    def _tell_of_group(self, message: Message) -> None:
        said = json.loads(message.data)
        self._hooks.telling.occupied(said["group"], occupied=said["type"] == "occupied")

    def _tell_gone(self, message: Message) -> None:
        for told in tell_gone(message, self.factory.audience):
            self.factory.fanout.send(told)

    def _info(self) -> Mapping[str, Any]:
        factory = self.factory
        return {
            "worker": self.worker,
            "connections": len(factory.audience),
            "events": len(factory.audience.events),
            "seconds": round(self._reactor.seconds() - self._started, 3),
            "counters": self._counters(),
            "rates": self._rates.per_second(),
        }

    def _counters(self) -> dict[str, int]:
        return asdict(self.factory.metrics) | asdict(self.factory.fanout.traffic)

    def _rated(self) -> dict[str, int]:
        metrics, traffic = self.factory.metrics, self.factory.fanout.traffic
        # Each second, for as long as it runs: so not asdict, which copies what no rate is told of.
        counted = metrics.opened, traffic.messages, traffic.deliveries
        return dict(zip(RATED, counted, strict=True))

    def _report(self, ticket: Ticket, counts: Counts, reply: bytes = b"") -> None:
        try:
            self._channel.report(ticket, counts, reply)
        except TPushError as error:  # who waits for it is told that this worker is missing
            self.log.warn("a receipt is lost: {error}", error=error)

    async def _receive_accepted(self) -> None:
        """Wait for what was published before we began to go away, and is on its way to us."""
        if not self._channel.connected or not self.factory.everyone():
            return
        # From its publisher to the channel, where nothing tells us of it ...
        await deferLater(self._reactor, max(0, ON_THE_WAY - self._limits.drain_grace))
        # ... and from the channel to us: it answers when it has sent all that it had before.
        with suppress(TimeoutError):
            await self._channel.flush().addTimeout(self._limits.stop_wait, self._reactor)

    async def _hear_the_last(self) -> None:
        """Wait for what still comes: messages whose receipts wait for us, and news of groups.

        Those who have left may have been the last of their groups. Other workers may leave at the
        same time: what was on its way to them comes to us once the channel knows that they have
        left, a round trip later at the most. And a receipt of ours may take a round trip itself.
        """
        for _ in range(LAST_ROUNDS):
            await self._channel.settled()

    def _draw(self) -> WorkerID:
        return WorkerID(int.from_bytes(self._entropy(8), "big") % MAX_ID + 1)

    def _claim(self) -> None:
        self._channel.claim(self.worker, self._redraw, self._send_away)
        self._channel.subscribe(worker_event(self.worker), self._send)

    def _redraw(self) -> None:
        """Take another id, as another worker has this one: its clients have to be told theirs."""
        self.log.warn("worker id {worker} is taken, drawing another", worker=self.worker)
        self._channel.unsubscribe(worker_event(self.worker))
        self.factory.audience.worker = self._draw()
        self._claim()
        self.factory.close_all(RESTART)

    def _send_away(self) -> None:
        """Have all clients come back, as they may have missed something and do not know it."""
        self._away.cancel()
        self._away = Deferred.fromCoroutine(self._close_clients())
        background(self._away, self.log, "sending clients away")

    async def _close_clients(self) -> None:
        with suppress(CancelledError):  # others are on their way to all of them
            await send_away(self.factory, self._reactor, self._limits, MISSED)
