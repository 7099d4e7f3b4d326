"""What a load leaves behind in each role: nothing, as a second one shows."""

import os
import resource
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import connect

from tests.integration.crowd import Crowd
from tests.integration.processes import PATIENT, Cluster, Role, eventually, tell
from tpush.net.free_memory import EVERY

CLIENTS = int(os.environ.get("TPUSH_TEST_MEMORY", "960"))
"""Each gets a message of its own: were a role to keep clients or messages, it would be seen."""

WRONG = 4
"""Of so many clients one is named by an address that is wrong."""

MESSAGE = "x" * 4096
REFUSED = 300
BACK_ENDS = 4
GROWTH = 1.05
"""Half of what is promised: then fewer clients show it."""


def resident(role: Role) -> int:
    """Return the bytes of memory that a role has, once it has had its time to give some back."""
    statm = Path(f"/proc/{role.process.pid}/statm")
    until, least = time.monotonic() + EVERY + 1, 2**63
    while time.monotonic() < until:
        least = min(least, int(statm.read_text().split()[1]) * resource.getpagesize())
        time.sleep(0.1)
    return least


class TwoLoadsTests(SynchronousTestCase):
    """After the second of two equal loads each role has about the memory that it had before."""

    @override
    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.cluster = Cluster(publisher_options=PATIENT)
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        [self.url] = self.cluster.http_urls
        self.host, self.port = self.cluster.pusher_hosts[0], self.cluster.pusher_ports[0]

    def test_two_loads(self) -> None:
        """Clients come, are pushed to, and go; others, and requests, are refused."""
        roles = {"channel": self.cluster.channel}
        roles |= {"pusher": self.cluster.pushers[0], "publisher": self.cluster.publishers[0]}
        after: list[dict[str, int]] = []
        for _ in range(2):
            self.load()
            with ThreadPoolExecutor(len(roles)) as pool:
                after.append(dict(zip(roles, pool.map(resident, roles.values()), strict=True)))
        for name, first in after[0].items():
            second = after[1][name]
            tell(f"{name}: {first >> 10} KiB after one load, {second >> 10} after two")
            self.assertLess(second, first * GROWTH, name)

    def load(self) -> None:
        with Crowd(self.host, self.port) as crowd:
            crowd.open(CLIENTS)
            with connect(self.cluster.ws_urls[0]) as last:
                worker, newest = (word.split(":")[1] for word in str(last.recv()).split()[:2])
            with ThreadPoolExecutor(BACK_ENDS) as pool:
                publish = partial(self.publish, worker, int(newest))
                found = sum(pool.map(publish, range(BACK_ENDS)), Counter[int]())
            self.assertEqual(found, {200: CLIENTS, 404: CLIENTS // WRONG, 400: CLIENTS // WRONG})
            for _ in range(20):
                requests.post(self.url, {"content": MESSAGE}, timeout=30)
            for _ in range(REFUSED):
                self.assertIn(b"HTTP/1.1 505 ", self.refused())
        eventually(self.all_gone, "all clients are gone")

    def publish(self, worker: str, newest: int, part: int) -> Counter[int]:
        """Publish to each client of a part, and for some to one that is gone, and to none."""
        found: Counter[int] = Counter()
        with requests.Session() as session:
            mine = range(newest - 1 - part, newest - 1 - CLIENTS, -BACK_ENDS)
            for number, connection in enumerate(mine):
                wrong = () if number % WRONG else (newest, 0)
                for to in (connection, *wrong):
                    address = {"to_worker_id": worker, "to_connection_id": str(to)}
                    fields = {"content": MESSAGE, "receipt": "1", **address}
                    found[session.post(self.url, fields, timeout=30).status_code] += 1
        return found

    def refused(self) -> bytes:
        """Return what a client hears whose handshake is none."""
        with socket.create_connection((self.host, self.port), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return client.recv(4096)

    def all_gone(self) -> bool:
        receipt = requests.get(self.url, {"content": "x", "receipt": "1"}, timeout=30)
        return not receipt.json()["matched"]
