"""Clients that read nothing, beside clients that do.

By default a short run; `make slow` is the long one, for each policy.
"""

import asyncio
import os
import resource
import socket
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.clients import close_all, open_all, settled
from tests.integration.processes import Cluster, eventually
from tests.pusher.websocket import handshake

SLOW = int(os.environ.get("TPUSH_TEST_SLOW", "20"))
SECONDS = float(os.environ.get("TPUSH_TEST_SECONDS", "4"))
POLICIES = os.environ.get("TPUSH_TEST_POLICIES", "disconnect drop-oldest").split()
MESSAGE = 16 * 1024
PENDING = 256 * 1024


def connect_and_read_nothing(url: str) -> socket.socket:
    """Return a client that has been greeted, and reads no further."""
    where = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(30)
    client.connect((where.hostname, where.port))
    client.sendall(handshake())
    got = b""
    while b"connected\n" not in got:
        got += client.recv(1024)
    return client


def closed_by_the_other_end(client: socket.socket) -> bool:
    """Say whether a client that reads nothing finds its connection gone."""
    try:
        client.settimeout(0)
        client.send(b"")
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        state = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return True
    return error != 0 or state != 1  # ESTABLISHED


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which *percent* of *values* are."""
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]


class SlowClientTests(SynchronousTestCase):
    """A client that reads nothing neither slows the others nor grows the process."""

    @override
    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def start(self, policy: str) -> Cluster:
        # Without pings: in a long run one who reads nothing would be dropped for not answering.
        options = ("--slow-client", policy, "--max-pending", str(PENDING), "--ping-interval", "0")
        cluster = Cluster(pusher_options=options)
        self.addCleanup(cluster.stop)
        cluster.wait_until_ready()
        return cluster

    async def load(self, cluster: Cluster, slow: int) -> tuple[float, int, list[socket.socket]]:
        """Broadcast for a while; return the good clients' p99 and the memory gained."""
        pid = cluster.pushers[0].process.pid
        good = await open_all(cluster.ws_urls, SLOW)
        stuck = [connect_and_read_nothing(cluster.ws_urls[0]) for _ in range(slow)]
        before = resident(pid)
        session, sent, most = requests.Session(), 0, 0
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            sent += 1
            content = f"{time.monotonic()}:{'x' * MESSAGE}"
            url = cluster.http_urls[0]
            answer = await asyncio.to_thread(session.post, url, {"content": content}, timeout=30)
            self.assertEqual(answer.text, "ok")
            most = max(most, resident(pid))
            await asyncio.sleep(0.01)
        await settled(good, sent, 60)
        self.assertEqual({len(each.got) for each in good}, {sent})
        self.assertEqual({each.closed for each in good}, {None})
        waits = [wait for each in good for wait in each.latencies]
        await close_all(good)
        return percentile(waits, 99), most - before, stuck

    def test_each_policy(self) -> None:
        """The good ones get all, about as soon as without the slow; memory has its bound."""
        for policy in POLICIES:
            with self.subTest(policy=policy):
                cluster = self.start(policy)
                alone, _, _ = asyncio.run(self.load(cluster, 0))
                beside, gained, stuck = asyncio.run(self.load(cluster, SLOW))
                if policy == "disconnect":
                    all_gone = partial(map, closed_by_the_other_end, stuck)
                    eventually(lambda gone=all_gone: all(gone()), "all are closed")  # type: ignore[misc]
                gone = sum(map(closed_by_the_other_end, stuck))
                print(  # noqa: T201 - the figures are what the long run is for
                    f"{policy}: {SLOW} slow; p99 {alone * 1000:.0f} ms alone, "
                    f"{beside * 1000:.0f} beside them; {gained >> 10} KiB gained; {gone} closed"
                )
                for client in stuck:
                    client.close()
                self.assertEqual(gone, SLOW if policy == "disconnect" else 0)
                self.assertLess(gained, SLOW * (PENDING + 256 * 1024) + (32 << 20))
                cluster.stop()
