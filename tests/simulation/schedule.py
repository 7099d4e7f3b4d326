"""One run of a world: what a seed lets be published, and lets befall it."""

from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter

from tests.simulation.faults import Faults
from tests.simulation.journal import Address
from tests.simulation.promises import check_ended, check_stopped, check_told
from tests.simulation.world import World

PUBLISHES = 50
FAULTS = 5
JOBS = 10
RECEIPTS = 0.1
"""The part of publishes for which a receipt is asked."""


class Schedule:
    """One run of one seed.

    Args:
        seed: decides everything.
        trace: keep each event.
    """

    def __init__(self, seed: int, *, trace: bool = False) -> None:
        self.seed = seed
        self.world = World(seed, trace=trace)
        self.journal = self.world.journal
        self._random = self.world.random
        self._faults = Faults(self.world, self._random)

    def run(self) -> list[str]:
        """Run it.

        Returns:
            What was not kept of what is promised.
        """
        world = self.world
        world.start()
        world.run(self._random.choice((0.3, 2.3, 2.3)))
        self._disturb()
        self._faults.heal()
        world.settle()
        for check in self._probe, partial(check_told, world), self._end:
            if not self.journal.breaches:
                check()
        return self.journal.breaches

    def _disturb(self) -> None:
        """Let faults and publishes come at times that are drawn."""
        random = self._random
        length = random.choice((1.0, 3.0, 6.0))
        actions: list[Callable[[], None]] = [self._faults.befall] * FAULTS
        left = PUBLISHES
        while left:
            size = min(left, random.choice((1, 3, 6, 10)))
            actions.append(partial(self._publish, size))
            left -= size
        if self.world.producer is not None:
            actions += [self.world.producer.enqueue] * JOBS
        timed = [(random.random() * length, action) for action in actions]
        timed[:FAULTS] = [(time, self._faults.befall) for time in self._fault_times(length)]
        passed = 0.0
        for time, action in sorted(timed, key=itemgetter(0)):
            self.world.run(time - passed)
            passed = time
            action()
        self.world.run(random.random())

    def _fault_times(self, length: float) -> Iterator[float]:
        """Draw when faults come: some as soon as the one before has shown its first effects."""
        time = 0.0
        for _ in range(FAULTS):
            if time and self._random.random() < 0.4:
                time += 0.5 * self._random.random()
            else:
                time = self._random.random() * length
            yield time

    def _publish(self, size: int) -> None:
        back_end = self._random.choice(self.world.back_ends)
        targets = [self._target() for _ in range(size)]
        size = self._random.choice((0, 0, 0, 50, 900))
        self.world.publish(back_end, targets, size=size, receipts=RECEIPTS)

    def _target(self) -> Address | None:
        """Return where a message is to go: to all, to one, or to one who may have left."""
        random, connections = self._random, self.journal.connections
        if random.random() < 0.4 or not connections:
            return None
        browser = random.choice(self.world.browsers)
        if browser.connection is not None and random.random() < 0.8:
            return browser.connection.address
        return random.choice(connections).address

    def _probe(self) -> None:
        """Publish once more through each publisher: everybody gets it, as all is well again."""
        world = self.world
        probes = [world.publish(each, [None], receipts=1)[0] for each in world.back_ends]
        world.settle()
        for probe in probes:
            if probe.outcome != "200":
                self.journal.breach(f"all is well again, and a publish is {probe.outcome}")
                continue
            # There may be more: some are gone, and their workers have not found out.
            got = probe.receipt["written"] + probe.receipt["pending"]
            if got < len(world.browsers) or probe.receipt["workers"] != len(world.workers):
                self.journal.breach(f"all is well again, and a receipt says {probe.receipt}")
        for browser in world.browsers:
            got_by = {one for one, _ in browser.connection.got} if browser.connection else set()
            if missing := [probe.number for probe in probes if probe not in got_by]:
                self.journal.breach(f"{browser.name} did not get {missing}, and all is well again")

    def _end(self) -> None:
        """Let everybody leave, and stop every role: nothing is left."""
        world, random = self.world, self._random
        self._faults.end()
        for browser in world.browsers:
            browser.leave(abruptly=random.random() < 0.5, stay_away=True)
        for back_end in world.back_ends:
            back_end.leave()
        world.run(2 * world.network.delay + 0.1)
        for role in world.programs:
            role.stop(stay=True)
        # A goodbye may be lost with its connection, and then its session lingers from there on.
        world.run(world.limits.drain_within + world.limits.linger + 2)
        check_stopped(world)
        world.channel.stop(stay=True)
        world.run(world.limits.request_wait + 5)
        check_ended(world)
