"""The publishers of a world: the HTTP side, and a channel that tells what it takes."""

from typing import Any

from twisted.internet.defer import Deferred
from typing_extensions import override

from tests.simulation.clock import Clock
from tests.simulation.journal import Journal
from tests.simulation.journal import Publish as JournalPublish
from tests.simulation.network import ServerEndpoint
from tests.simulation.roles import ConnectedRole
from tpush.channel.client import AMPChannel
from tpush.channel.items import Publish
from tpush.publisher.service import PublisherService
from tpush.receipt import Receipt


def number_of(content: bytes) -> int:
    """Return the number that a content begins with."""
    return int(content.partition(b".")[0])


class RecordingChannel(AMPChannel):
    """An end of the channel that tells a journal what it takes."""

    journal: Journal

    @override
    def publish(self, event: str, data: str | bytes, **options: Any) -> Any:
        receipt = super().publish(event, data, **options)
        assert isinstance(data, bytes)
        journal = self.journal
        publish, accepted = journal.publishes[number_of(data)], journal.accepted[self.name]
        if publish.accepted is not None:
            journal.breach(f"publish {publish.number} was taken twice")
        publish.accepted = journal.now
        publish.publisher = self.name
        publish.place = len(accepted)
        accepted.append(publish)
        if journal.trace is not None:
            journal.note(f"{self.name} took {publish.number} for {event}")
        return receipt.addCallback(self._receipt_came, publish) if receipt is not None else None

    def _receipt_came(self, receipt: Receipt, publish: JournalPublish) -> Receipt:
        publish.answered = self.journal.now
        return receipt


class PublisherRole(ConnectedRole):
    """A publisher."""

    channel_class = RecordingChannel
    service: PublisherService

    @override
    def begin(self, clock: Clock) -> None:
        around = self.around
        self.channel = channel = self.connect(clock, "tpush-http")
        assert isinstance(channel, RecordingChannel)
        channel.journal = around.journal
        around.journal.accepted[clock.name] = []
        self.service = PublisherService(
            channel,
            [self.name],
            reactor=clock,
            limits=around.limits,
            endpoint_for=lambda place: ServerEndpoint(around.network, clock, place),
        )
        self.service.startService()

    @override
    def end(self) -> Deferred[None]:
        return self.service.stopService()

    @override
    def ended(self) -> None:
        around, journal = self.around, self.around.journal
        held = [item.message.data for item in self.channel.outbox if isinstance(item, Publish)]
        for content in held:
            journal.publishes[number_of(content)].lost = True
        stopping = self.stopping
        if held and stopping is not None:
            waited = journal.now - stopping
            if waited < around.limits.stop_wait:
                journal.breach(f"{self.name} stopped after {waited:.3f} s, and held {len(held)}")
