"""Faults of every kind, one after another, under steady load.

By default a short run of one seed; `make faults` is the long one.
"""

import asyncio
import os
import random
import signal
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.back_end import BackEnd, BackEndOfOneThatDies, BackEndWithReceipts
from tests.integration.clients import Listener, by_publisher, close_all, open_all
from tests.integration.processes import Cluster, eventually, kill, tell
from tests.integration.proxy import Proxy
from tests.ports import free_port

FAULTS = int(os.environ.get("TPUSH_TEST_FAULTS", "11"))
SEED = int(os.environ.get("TPUSH_TEST_SEED", "1"))
RECOVERY = float(os.environ.get("TPUSH_TEST_RECOVERY", "20"))
"""Seconds after a kill; a machine that does other things too is given more than it takes."""

CLIENTS = 24


class FaultTests(SynchronousTestCase):
    """Two hosts of two workers, three publishers, and a proxy before the channel."""

    def test_faults(self) -> None:
        """Clients that live through them get all that was answered `ok`, once and in order."""
        asyncio.run(self.run_faults())

    async def run_faults(self) -> None:
        self.chance = random.Random(SEED)
        target, port = free_port(), free_port()
        self.proxy = Proxy(target)
        await self.proxy.start(port)
        self.cluster = Cluster(2, 2, 3, channel_port=target, channel_seen_at=port)
        self.addCleanup(self.cluster.stop)
        await asyncio.to_thread(self.cluster.wait_until_ready)
        listeners = await open_all(self.cluster.ws_urls, CLIENTS)
        self.addresses = {listener.address: listener for listener in listeners}
        *those_that_live, that_dies = self.cluster.http_urls
        back_ends = [BackEnd(str(i), url, 100) for i, url in enumerate(those_that_live)]
        asking = BackEndWithReceipts(
            "7", those_that_live[0], 50, lambda: list(self.addresses), random.Random(SEED)
        )
        dying = BackEndOfOneThatDies("8", that_dies, 50)
        self.joined = {listener: {each.name: 0 for each in back_ends} for listener in listeners}
        everybody = [*back_ends, asking, dying]
        for back_end in everybody:
            back_end.start()
        faults: list[Callable[[], Awaitable[None]]] = [
            self.kill_channel, self.stop_channel, self.kill_worker, self.stop_worker,
            self.cut, self.cut_within_a_frame, self.delay, self.kill_host, self.stop_host,
            self.kill_publisher, self.stop_publisher,
        ]  # fmt: skip
        order = self.chance.sample(faults, len(faults))
        for number in range(FAULTS):
            fault = order[number % len(order)]
            await fault()
            took = await self.recover(listeners)
            tell(f"{fault.__name__}: everybody is served again after {took:.1f} s")
            if fault.__name__.startswith("kill"):
                self.assertLess(took, RECOVERY)
            await self.replace_lost(listeners, back_ends)
        for back_end in everybody:
            await asyncio.to_thread(back_end.stop)
        self.assertEqual([back_end.refused for back_end in back_ends], [[], []])
        await self.recover(listeners)
        lived = [listener for listener in listeners if listener.closed is None]
        self.assertEqual(len(lived), CLIENTS)
        for listener in lived:
            got = by_publisher(listener.got)
            for back_end in back_ends:
                numbers = got[back_end.name]
                # One that came later has what was accepted from some moment before it on.
                since = bisect_left(back_end.accepted, numbers[0])
                self.assertEqual(numbers, back_end.accepted[since:], differences(numbers, back_end))
                self.assertLessEqual(since, self.joined[listener][back_end.name])
            self.check_dying(got[dying.name])
        self.check_receipts(asking)
        await close_all(listeners)
        await self.proxy.stop()

    def check_dying(self, numbers: list[int]) -> None:
        """Check what came of a publisher that is killed: once and in order, what came at all."""
        self.assertEqual(numbers, sorted(set(numbers)))

    def check_receipts(self, asking: BackEndWithReceipts) -> None:
        """Check that what was told of each message is what its client knows of it."""
        tell(f"receipts by status: {dict(Counter(told.status for told in asking.told))}")
        for told in asking.told:
            listener = self.addresses[told.address]
            times = listener.got.count(told.content)
            self.assertLessEqual(times, 1, told)
            if told.status == 404:
                self.assertEqual(times, 0, told)
            elif listener.closed is None:
                # Written or not, it was accepted, and its client has lived.
                self.assertEqual(times, 1, told)
            if told.status == 200:
                counts = told.receipt
                parts = counts["written"] + counts["dropped"] + counts["pending"]
                self.assertEqual((counts["matched"], parts), (1, 1), told)
            if told.receipt.get("written") and not times:
                self.assertIsNotNone(listener.closed, told)

    async def replace_lost(self, listeners: list[Listener], back_ends: list[BackEnd]) -> None:
        """Let others come for the clients that were disconnected."""
        lost = [listener for listener in listeners if listener.closed is not None]
        for listener in lost:
            listeners.remove(listener)
        others = await open_all(self.cluster.ws_urls, len(lost))
        self.addresses |= {listener.address: listener for listener in others}
        listeners += others
        await self.recover(others)
        for listener in others:
            self.joined[listener] = {each.name: len(each.accepted) for each in back_ends}

    async def recover(self, listeners: list[Listener]) -> float:
        """Wait until each client that lives gets what is published now; return how long it took.

        It is published again and again: a client may have come to a worker that has not reached
        the channel yet, and misses what is routed before.
        """
        began = time.monotonic()
        probes: list[str] = []
        while not all(served(each, probes) for each in listeners if each.closed is None):
            if time.monotonic() > began + 30:
                logs = [role.log for role in self.cluster.roles]
                self.fail("\n".join(["not everybody is served again", *logs]))
            probes.append(f"probe:{time.monotonic_ns()}")
            await asyncio.to_thread(
                requests.get, self.cluster.http_urls[0], {"content": probes[-1]}, timeout=30
            )
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    # Faults.

    async def kill_channel(self) -> None:
        self.cluster.channel.kill()
        await asyncio.sleep(self.chance.uniform(0, 1))
        await asyncio.to_thread(self.cluster.channel.start)

    async def stop_channel(self) -> None:
        await self.stopped(self.cluster.channel.process.pid)

    async def kill_worker(self) -> None:
        kill(self.some_worker())

    async def stop_worker(self) -> None:
        await self.stopped(self.some_worker())

    async def cut(self) -> None:
        self.proxy.cut()

    async def cut_within_a_frame(self) -> None:
        self.proxy.cut_within_a_frame()
        await asyncio.sleep(0.5)

    async def delay(self) -> None:
        await self.proxy.delay(self.chance.uniform(0.2, 2))

    async def kill_host(self) -> None:
        host = self.cluster.pushers[1]
        for pid in (host.process.pid, *host.workers):
            kill(pid)
        host.process.wait(30)
        await asyncio.to_thread(host.start)
        await asyncio.to_thread(eventually, lambda: len(host.workers) == 2, "it is back")

    async def stop_host(self) -> None:
        host = self.cluster.pushers[1]
        for pid in (host.process.pid, *host.workers):
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(0.5, 3))
        for pid in (host.process.pid, *host.workers):
            os.kill(pid, signal.SIGCONT)

    async def kill_publisher(self) -> None:
        publisher = self.cluster.publishers[2]
        publisher.kill()
        await asyncio.sleep(self.chance.uniform(0, 1))
        await asyncio.to_thread(publisher.start)

    async def stop_publisher(self) -> None:
        await self.stopped(self.cluster.publishers[1].process.pid)

    def some_worker(self) -> int:
        # Of the first host: the other one is killed as a whole, and some have to live.
        return self.chance.choice(self.cluster.pushers[0].workers)

    async def stopped(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(self.chance.uniform(0.5, 3))
        os.kill(pid, signal.SIGCONT)


def served(listener: Listener, probes: list[str]) -> bool:
    """Say whether a client has got any of the probes."""
    return any(probe in listener.got[-1000:] for probe in probes)


def differences(numbers: list[int], back_end: BackEnd) -> str:
    """Say what a client did not get, got twice, or got out of turn."""
    expected = [number for number in back_end.accepted if number >= numbers[0]]
    doubled = sorted(number for number, times in Counter(numbers).items() if times > 1)
    turned = [(one, two) for one, two in pairwise(numbers) if two <= one]
    missing, more = set(expected) - set(numbers), set(numbers) - set(expected)
    return f"missing {missing}, more {more}, doubled {doubled}, turned {turned}"
