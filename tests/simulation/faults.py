"""What can befall a world."""

from collections.abc import Callable
from functools import partial
from random import Random

from tests.simulation.network import Link
from tests.simulation.roles import CHANNEL, Role
from tests.simulation.world import World

Fault = Callable[[], str]


class Faults:
    """Does to a world what is drawn.

    Args:
        world: which.
        random: draws.
    """

    def __init__(self, world: World, random: Random) -> None:
        self._world = world
        self._random = random
        self._journal = world.journal
        self._over = False
        self._kinds: list[Fault] = [
            self.kill_channel, self.stop_channel, self.freeze_channel,
            self.kill_channel, self.kill, self.stop, self.freeze, self.kill, self.stop, self.freeze,
            self.cut, self.cut, self.half_open, self.half_open, self.stall, self.partition,
            self.shake, self.leave, self.stop_reading, self.draw_the_same,
        ]  # fmt: skip

    def befall(self) -> None:
        """Do something."""
        fault = self._random.choice(self._kinds)
        what = f"{fault.__name__}: {fault()}"
        self._journal.faults.append(f"at {self._journal.now:.3f} {what}")
        self._journal.note(f"fault {what}")

    def heal(self) -> None:
        """Let all who stand still go on; what was ended comes back by itself."""
        for role in self._world.roles:
            if role.clock is not None:
                role.clock.go_on()
        for browser in self._world.browsers:
            browser.wake()
        for back_end in self._world.back_ends:
            back_end.wake()

    def end(self) -> None:
        """Let nothing come back any more."""
        self._over = True

    # The kinds. Each says what it did.

    def kill_channel(self) -> str:
        return self._kill(self._world.channel)

    def stop_channel(self) -> str:
        return self._stop(self._world.channel)

    def freeze_channel(self) -> str:
        return self._freeze(self._world.channel)

    def kill(self) -> str:
        return self._kill(self._program())

    def stop(self) -> str:
        return self._stop(self._program())

    def freeze(self) -> str:
        return self._freeze(self._program())

    def draw_the_same(self) -> str:
        """Let a worker begin anew, with the id of another."""
        worker, other = self._random.sample(self._world.workers, 2)
        worker.like = other
        return f"{self._kill(worker)}, with the id of {other.name}"

    def cut(self) -> str:
        link = self._link()
        if link is None:
            return "nothing"
        self._world.cut(link)
        return self._disturb_link(link, 0)

    def half_open(self) -> str:
        link = self._link()
        told = self._random.choice(((True, False), (False, True), (False, False)))
        if link is None:
            return "nothing"
        self._world.cut(link, client=told[0], server=told[1])
        limits = self._world.limits
        which = self._disturb_link(link, limits.silence + limits.heartbeat)
        who = {(True, False): "client", (False, True): "server"}.get(told, "neither")
        return f"{which}, {who} knows"

    def stall(self) -> str:
        link, seconds = self._link(), self._random.choice((0.3, 2.0, 6.0))
        if link is None:
            return "nothing"
        link.stall(seconds)
        return f"{self._disturb_link(link, seconds)} for {seconds} s"

    def partition(self) -> str:
        role, seconds = self._random.choice(self._world.roles), self._random.choice((0.5, 3, 8))
        self._journal.disturb(role.name, seconds)
        self._world.network.partition(role.name, seconds)
        return f"{role.name} for {seconds} s"

    def shake(self) -> str:
        """Cut all connections to the channel, and again those that are made next."""
        network, seconds = self._world.network, self._random.choice((0.3, 1.0, 2.0))
        for link in network.links(CHANNEL):
            self._world.cut(link)
        network.shaking[CHANNEL] = self._journal.now + seconds
        for role in self._world.programs:
            self._journal.disturb(role.name, seconds + 0.5)
        return f"the channel for {seconds} s"

    def leave(self) -> str:
        browser, abruptly = self._random.choice(self._world.browsers), self._random.random() < 0.5
        browser.leave(abruptly=abruptly)
        return browser.name

    def stop_reading(self) -> str:
        browser, seconds = self._random.choice(self._world.browsers), self._random.uniform(0.5, 4)
        browser.stop_reading()
        self._world.timeline.after(seconds, browser.wake)
        return f"{browser.name} for {seconds:.3f} s"

    def _program(self) -> Role:
        return self._random.choice(self._world.programs)

    def _link(self) -> Link | None:
        """Choose a connection: one to the channel, as often as not."""
        links = self._world.network.links(CHANNEL if self._random.random() < 0.6 else "")
        return self._random.choice(links) if links else None

    def _disturb_link(self, link: Link, seconds: float) -> str:
        client = link.client.clock.name.partition(".")[0]
        self._journal.disturb(client, seconds)
        if link.place != CHANNEL:
            self._journal.disturb(link.place, seconds)
        return f"connection {link.number} of {client} to {link.place}"

    def _kill(self, role: Role) -> str:
        self._journal.disturb(role.name)
        role.kill()
        return self._start_later(role)

    def _stop(self, role: Role) -> str:
        self._journal.disturb(role.name)
        role.stop()
        return self._start_later(role)

    def _freeze(self, role: Role) -> str:
        seconds = self._random.choice((0.3, 2.0, 4.5, 9.0))
        self._journal.disturb(role.name, seconds)
        role.freeze(seconds)
        return f"{role.name} for {seconds} s"

    def _start_later(self, role: Role) -> str:
        seconds = self._random.choice((0.0, 0.2, 1.0, 3.0))
        self._world.timeline.after(seconds, partial(self._start, role))
        return f"{role.name}, and it is back after {seconds} s"

    def _start(self, role: Role) -> None:
        """Start a role, as soon as it has ended."""
        if role.stopping is not None and not self._over:
            self._world.timeline.after(0.1, partial(self._start, role))
        elif not self._over:
            self._journal.disturb(role.name)
            role.start()
