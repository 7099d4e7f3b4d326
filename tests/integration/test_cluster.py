"""A cluster of real processes: who gets what, and what becomes of it when a part is killed."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from functools import partial

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.back_end import BackEnd
from tests.integration.clients import Listener, by_publisher, close_all, open_all, settled
from tests.integration.processes import (
    SETTLING,
    Cluster,
    accepts,
    alive,
    eventually,
    healthy,
    kill,
    tell,
)

CLIENTS = int(os.environ.get("TPUSH_TEST_CLIENTS", "300"))
BROADCASTS = int(os.environ.get("TPUSH_TEST_BROADCASTS", "300"))
UNICASTS = 200
KILLS = int(os.environ.get("TPUSH_TEST_KILLS", "6"))
SEED = int(os.environ.get("TPUSH_TEST_SEED", "1"))


class ClusterTests(SynchronousTestCase):
    """A channel, two pushers of two workers, two publishers."""

    def start(self, pushers: int = 2, channel_options: Sequence[str] = ()) -> Cluster:
        self.cluster = Cluster(pushers, 2, 2, channel_options)
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        return self.cluster

    def publish(self, url: str, **fields: str | int) -> None:
        answer = requests.get(url, params=fields, timeout=30)
        self.assertEqual((answer.status_code, answer.text), (200, "ok"))

    async def to_random_addresses(self, listeners: Sequence[Listener], count: int) -> None:
        """Publish to addresses; each message reaches its connection, and no other."""
        before = [len(listener.got) for listener in listeners]
        chosen = [random.randrange(len(listeners)) for _ in range(count)]
        for number, index in enumerate(chosen):
            worker, connection = listeners[index].address
            await asyncio.to_thread(
                self.publish,
                self.cluster.http_urls[number % len(self.cluster.http_urls)],
                to_worker_id=worker,
                to_connection_id=connection,
                content=f"unicast:{number}",
            )
        await asyncio.to_thread(self.publish, self.cluster.http_urls[0], content="end:1")
        await asyncio.to_thread(self.publish, self.cluster.http_urls[1], content="end:2")
        for index, listener in enumerate(listeners):
            mine = [number for number, other in enumerate(chosen) if other == index]
            await settled([listener], before[index] + len(mine) + 2, 30)
            got = by_publisher(listener.got[before[index] :])
            self.assertEqual(sorted(got["unicast"]), mine)
            self.assertEqual(sorted(got["end"]), [1, 2])

    def test_everybody_gets_everything(self) -> None:
        """Broadcasts of two publishers reach every client of both hosts once and in order."""
        cluster = self.start()

        async def run() -> None:
            listeners = await open_all(cluster.ws_urls, CLIENTS)
            workers = {listener.address[0] for listener in listeners}
            self.assertEqual(len(workers), 4)
            self.assertEqual(len({listener.address for listener in listeners}), CLIENTS)
            sessions = [requests.Session() for _ in cluster.http_urls]

            def broadcast() -> None:
                for number in range(1, BROADCASTS + 1):
                    publisher = number % 2
                    answer = sessions[publisher].get(
                        cluster.http_urls[publisher],
                        params={"content": f"{publisher}:{number}"},
                        timeout=30,
                    )
                    self.assertEqual(answer.text, "ok")

            await asyncio.to_thread(broadcast)
            await settled(listeners, BROADCASTS, 120)
            expected = {
                "0": list(range(2, BROADCASTS + 1, 2)),
                "1": list(range(1, BROADCASTS + 1, 2)),
            }
            for listener in listeners:
                self.assertEqual(by_publisher(listener.got), expected)
            await self.to_random_addresses(listeners, UNICASTS)
            await close_all(listeners)

        random.seed(SEED)
        asyncio.run(run())

    def test_the_channel_is_killed(self) -> None:
        """Whatever was answered `ok` is delivered once and in order, over any number of kills."""
        cluster = self.start(channel_options=SETTLING)
        chance = random.Random(SEED)
        recoveries: list[float] = []

        def kill_and_start(listener: Listener) -> None:
            if chance.choice([False, True]):
                got = len(listener.got)
                eventually(lambda: len(listener.got) > got, "it has settled, and routes")
            time.sleep(chance.uniform(0.2, 1.5))
            cluster.channel.kill()
            time.sleep(chance.choice([0, 0, 0.5, 1.5]))
            began = time.monotonic()
            cluster.channel.start()
            for url in cluster.http_urls:
                eventually(partial(healthy, url), "healthy")
            recoveries.append(time.monotonic() - began)

        async def run() -> None:
            listeners = await open_all(cluster.ws_urls, 40)
            back_ends = [BackEnd(str(i), url, 100) for i, url in enumerate(cluster.http_urls)]
            for back_end in back_ends:
                back_end.start()
            try:
                for _ in range(KILLS):
                    await asyncio.to_thread(kill_and_start, listeners[0])
            finally:
                for back_end in back_ends:
                    await asyncio.to_thread(back_end.stop)
            self.assertEqual([back_end.refused for back_end in back_ends], [[], []])
            await settled(listeners, sum(len(each.accepted) for each in back_ends), 30)
            expected = {each.name: each.accepted for each in back_ends}
            for listener in listeners:
                self.assertIsNone(listener.closed)
                self.assertEqual(by_publisher(listener.got), expected)
            await self.to_random_addresses(listeners, 40)
            await close_all(listeners)

        asyncio.run(run())
        shown = " ".join(f"{seconds:.1f}" for seconds in sorted(recoveries))
        tell(f"publishers are connected again after {shown} s")
        self.assertEqual(len(recoveries), KILLS)
        for role in (*cluster.pushers, *cluster.publishers, cluster.channel):
            self.assertNotIn("Traceback", role.log)

    def test_a_worker_is_killed(self) -> None:
        """Only its clients are disconnected, the others lose nothing, and it is back soon."""
        cluster = self.start(pushers=1)
        pusher = cluster.pushers[0]

        async def run() -> None:
            listeners = await open_all(cluster.ws_urls, 40)
            back_ends = [BackEnd(str(i), url, 100) for i, url in enumerate(cluster.http_urls)]
            for back_end in back_ends:
                back_end.start()
            await asyncio.sleep(0.3)
            victim, *others = pusher.workers
            os.kill(victim, signal.SIGKILL)
            began = time.monotonic()
            await asyncio.to_thread(pusher.wait_for, r"process \d started", 3)
            tell(f"a worker is back after {time.monotonic() - began:.1f} s")
            for back_end in back_ends:
                await asyncio.to_thread(back_end.stop)
            lived = [listener for listener in listeners if listener.closed is None]
            self.assertEqual(len({listener.address[0] for listener in lived}), 1)
            self.assertTrue(0 < len(lived) < 40)
            await settled(lived, sum(len(each.accepted) for each in back_ends), 30)
            for listener in lived:
                expected = {each.name: each.accepted for each in back_ends}
                self.assertEqual(by_publisher(listener.got), expected)
            self.assertTrue(set(others) < set(pusher.workers))
            for listener in listeners:
                if listener.closed is not None:
                    await listener.open()  # both sockets are served again
            await close_all(listeners)

        asyncio.run(run())

    def test_the_parent_is_killed(self) -> None:
        """Workers whose parent is killed outright end, and nobody listens any more."""
        cluster = self.start(pushers=1)
        pusher, port = cluster.pushers[0], cluster.pusher_ports[0]
        workers = pusher.workers
        self.assertEqual(len(workers), 2)
        pusher.kill()
        eventually(lambda: not any(map(alive, workers)), "both have ended")
        self.assertFalse(accepts(cluster.pusher_hosts[0], port))

    def test_a_worker_that_hangs(self) -> None:
        """A worker that answers its parent no more is killed and started again."""
        cluster = self.start(pushers=1)
        pusher = cluster.pushers[0]
        hung = pusher.workers[0]
        os.kill(hung, signal.SIGSTOP)
        pusher.wait_for("killing process")
        eventually(lambda: not alive(hung), "it has ended")
        pusher.wait_for(r"process \d started", 3)

    def test_workers_that_stay_down(self) -> None:
        """Workers that die again and again are not waited for, and are back after a pause."""
        cluster = self.start(pushers=1)
        pusher = cluster.pushers[0]
        address = cluster.pusher_hosts[0], cluster.pusher_ports[0]
        for deaths in range(1, 7):
            workers = eventually(lambda: len(pusher.workers) == 2 and pusher.workers, "both run")
            for pid in workers or ():
                kill(pid)
            pusher.wait_for("starting it again in", 2 * deaths)
        eventually(lambda: not accepts(*address), "nobody is waited for", 3)
        eventually(lambda: accepts(*address), "they are back", 10)
        pusher.wait_for(r"process \d started", 4)

        async def run() -> None:
            listeners = await open_all(cluster.ws_urls, 10)
            await close_all(listeners)

        asyncio.run(run())

    def test_stop_of_a_whole_group(self) -> None:
        """SIGTERM to a parent and its workers at once ends all of them, without a noise."""
        cluster = self.start(pushers=1)
        pusher = cluster.pushers[0]
        for pid in pusher.workers:
            os.kill(pid, signal.SIGTERM)
        self.assertEqual(pusher.stop(deadline=10), 0)
        self.assertNotIn("Traceback", pusher.log)
        self.assertIn("stopped", pusher.log)

    def test_any_order(self) -> None:
        """Roles find each other whatever starts first, and stop in any order without a trace."""
        cluster = Cluster(1, 1, 1, SETTLING)
        self.addCleanup(cluster.stop)
        cluster.channel.stop()
        pusher, publisher = cluster.pushers[0], cluster.publishers[0]
        pusher.wait_for("cannot reach the channel")
        publisher.wait_for("cannot reach the channel")
        self.assertEqual(requests.get(cluster.http_urls[0] + "health", timeout=5).status_code, 503)

        async def run() -> None:
            [listener] = await open_all(cluster.ws_urls, 1)  # greeted without a channel
            await asyncio.to_thread(self.publish, cluster.http_urls[0], content="early:1")
            await asyncio.to_thread(cluster.channel.start)
            await settled([listener], 1, 30)
            self.assertEqual(listener.got, ["early:1"])
            await close_all([listener])

        asyncio.run(run())
        cluster.channel.stop()
        pusher.wait_for("the channel goes away")
        for role in (pusher, publisher, cluster.channel):
            self.assertEqual(role.stop(deadline=10), 0)
            self.assertNotIn("Traceback", role.log)
            self.assertNotIn("Unhandled", role.log)
