"""A whole cluster, and everybody around it, on one line of time."""

from collections.abc import Iterable
from random import Random

from tests.simulation.backends import BackEnd
from tests.simulation.broker import ChannelRole
from tests.simulation.browsers import Browser, BrowserConnection
from tests.simulation.clock import Clock, Timeline
from tests.simulation.journal import Address, Journal, Publish
from tests.simulation.network import End, Link, Network
from tests.simulation.programs import ConsumerRole, ProducerRole
from tests.simulation.publishers import PublisherRole
from tests.simulation.roles import CHANNEL, ConnectedRole, Role, Surroundings
from tests.simulation.workers import WorkerRole
from tpush.limits import Limits

WORKERS = 3
PUBLISHERS = 2
BROWSERS = 20
WATCH = 0.25
"""Seconds between two looks at whether all is settled."""
LONGEST = 60.0
"""Seconds by when all must be settled."""


class World:
    """A cluster, its clients and its back ends.

    Args:
        seed: decides everything.
        trace: keep each event.
    """

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.random = random = Random(seed)
        self.timeline = timeline = Timeline()
        self.journal = journal = Journal(timeline, trace=trace)
        self.network = network = draw_network(timeline, random)
        if trace:
            network.note = self._note
        self.limits = draw_limits(random)
        secrets = [b"s" * 32] if random.random() < 0.2 else []
        turn = random.choice((0.001, 0.005, 0.03))
        around = Surroundings(timeline, network, journal, self.limits, secrets, random, turn)
        self.channel = ChannelRole(CHANNEL, around)
        self.workers = [WorkerRole(f"ws{n + 1}", around) for n in range(WORKERS)]
        self.publishers = [PublisherRole(f"http{n + 1}", around) for n in range(PUBLISHERS)]
        with_jobs = random.random() < 0.25
        self.producer = ProducerRole("producer", around) if with_jobs else None
        self.consumers = [ConsumerRole(f"consumer{n + 1}", around) for n in range(2 * with_jobs)]
        self.outside = outside = Clock(
            timeline, "outside", Random(random.getrandbits(64)), 0, "192.0.2.1"
        )
        places = [worker.name for worker in self.workers]
        self.browsers = [
            Browser(f"browser{n + 1}", network, outside, journal, places) for n in range(BROWSERS)
        ]
        self.back_ends = [BackEnd(network, outside, journal, each.name) for each in self.publishers]

    @property
    def programs(self) -> list[ConnectedRole]:
        """All roles but the channel."""
        producers = [self.producer] if self.producer is not None else []
        return [*self.workers, *self.publishers, *producers, *self.consumers]

    @property
    def roles(self) -> list[Role]:
        """All roles."""
        return [self.channel, *self.programs]

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.timeline.run(seconds)

    def start(self) -> None:
        """Start every role, and let browsers come."""
        for role in self.roles:
            role.start()
        for browser in self.browsers:
            self.outside.callLater(self.random.random() * 0.5, browser.connect)

    def publish(
        self,
        back_end: BackEnd,
        targets: Iterable[Address | None],
        *,
        size: int = 0,
        receipts: float = 0.0,
    ) -> list[Publish]:
        """Publish one message to each of *targets* through one publisher.

        Args:
            back_end: which.
            targets: connections; None is all.
            size: bytes of each, besides its number.
            receipts: the part of them for which a receipt is asked.
        """
        publishes = []
        for target in targets:
            number = len(self.journal.publishes)
            asks = self.random.random() < receipts
            content = b"%d.%s" % (number, b"x" * size)
            publish = Publish(number, content, target, back_end.place, asks)
            self.journal.publishes.append(publish)
            publishes.append(publish)
        back_end.publish(publishes)
        return publishes

    def cut(self, link: Link, *, client: bool = True, server: bool = True) -> None:
        """Cut a connection; the ends that are named learn of it."""
        link.cut(client=client, server=server)
        protocol = link.client.protocol
        if isinstance(protocol, BrowserConnection):
            protocol.end("cut")

    def settle(self) -> None:
        """Wait until nothing is under way any more."""
        if self.journal.breaches:
            return
        end = self.timeline.now + LONGEST
        while (busy := self.busy()) and self.timeline.now < end:
            self.run(WATCH)
        if busy:
            self.journal.breach(f"not settled after {LONGEST:.0f} s: {busy}")

    def busy(self) -> str:
        """Say what is under way, if anything is."""
        if down := [role.name for role in self.roles if not role.running]:
            return f"{down} are down"
        now, unreachable = self.timeline.now, self.network.unreachable
        if cut_off := [place for place, until in unreachable.items() if until > now]:
            return f"{cut_off} cannot be reached"
        for role in self.programs:
            if not role.channel.connected or len(role.channel.outbox):
                return f"{role.name} holds {len(role.channel.outbox)} requests"
        if held := self._held():
            return f"the channel holds {held}"
        if away := [browser.name for browser in self.browsers if browser.connection is None]:
            return f"{away} are not connected"
        if waiting := [each.number for each in self.journal.publishes if not each.outcome]:
            return f"publishes {waiting} are not answered"
        if late := [link.number for link in self.network.links() if link.busy]:
            return f"something is on its way over connections {late}"
        if broken := [link.number for link in self.network.links(CHANNEL) if link.broken]:
            return f"nobody has found out that connections {broken} are of no use"
        return ""

    def _held(self) -> str:
        broker = self.channel.broker
        for session in broker.sessions:
            if not session.connected or len(session.outbox) or len(session.ledger):
                return f"something of {session.peer.name}"
        if len(broker._queues):
            return f"{len(broker._queues)} jobs"
        if self.timeline.now <= broker.routes or broker.due() is not None:
            return "something back"
        return ""

    def _note(self, end: End, piece: bytes) -> None:
        link = end.link
        # What a date, or a ping that has the time in it, would make different in each run.
        what = piece.hex() if link.place == CHANNEL else len(piece)
        side = "server" if link.server is end else "client"
        self.journal.note(f"{link.place} {link.number} {side} reads {what}")


def draw_network(timeline: Timeline, random: Random) -> Network:
    """Return a network of some kind."""
    network = Network(timeline, Random(random.getrandbits(64)))
    network.window = network.buffer = random.choice((1_500, 64 * 1024))
    network.delay = random.choice((0.001, 0.02, 0.05))
    network.cuts = random.choice((0, 0.05, 0.3))
    network.tls = random.random() < 0.2
    return network


def draw_limits(random: Random) -> Limits:
    """Return limits of some kind: shorter than the defaults, and as those are to each other."""
    return Limits(
        held_items=random.choice((12, 1_000, 1_000)),
        batch_items=random.choice((2, 1_000, 1_000)),
        receipt_wait=random.choice((0.5, 2.0)),
        peer_items=random.choice((15, 50_000, 50_000)),
        heartbeat=2.0,
        silence=4.0,
        greeting=3.0,
        settle=2.0,
        linger=random.choice((1.5, 7.0, 7.0)),
        acknowledge=random.choice((0.05, 0.2, 0.5)),
        reconnect_most=0.9,
        job_backoff=0.2,
        connections=1_000,
        pending=random.choice((3_000, 1_000_000)),
        ping_interval=random.choice((0, 0, 0, 2.5)),
        ping_timeout=2.0,
        close_wait=1.0,
        drain_within=4.0,
        stop_wait=1.0,
        request_wait=20.0,
    )
