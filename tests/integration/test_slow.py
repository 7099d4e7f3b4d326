"""Clients that read nothing, beside clients that do.

By default a short run; `make slow` is the long one, for each policy.
"""

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.crowd import STAMP, Crowd, frame_bytes, stamped
from tests.integration.processes import Cluster, eventually, tell
from tests.integration.slow_client import SlowClient

SLOW = int(os.environ.get("TPUSH_TEST_SLOW", "20"))
SECONDS = float(os.environ.get("TPUSH_TEST_SECONDS", "3"))
POLICIES = os.environ.get("TPUSH_TEST_POLICIES", "disconnect drop-oldest").split()
LONG = SECONDS >= 30
"""A short run is too short to compare: a process of somebody else's shows."""

PERCENT = 99 if LONG else 50
"""Of the messages, by their time: in a short run one moment without a core is that of many."""

RATE = 20
"""Broadcasts a second: for 1,000 clients 330 MB/s, of which a core is a quarter busy."""

MESSAGE = 16 * 1024
PENDING = (256 if LONG else 512) * 1024
"""In a short run as much as the good clients may be behind by without a core, for two seconds."""

KERNEL = 128 * 1024
"""What the kernel may hold for a client: as much as it is let, and what was on its way."""

SLACK = 16 << 20
"""Memory that has nothing to do with slow clients: code that runs for the first time."""

END = "that was all"


class SlowClientTests(SynchronousTestCase):
    """A client that reads nothing neither slows the others nor grows the process."""

    @override
    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.session = requests.Session()
        self.addCleanup(self.session.close)
        self.sent: list[bytes] = []

    def start(self, policy: str) -> None:
        # Without pings: in a long run one who reads nothing would be dropped for not answering.
        options = ("--slow-client", policy, "--max-pending", str(PENDING), "--ping-interval", "0")
        self.cluster = Cluster(pusher_options=options)
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.crowd = Crowd(self.cluster.pusher_hosts[0], self.cluster.pusher_ports[0])
        self.addCleanup(self.crowd.close)
        self.crowd.open(SLOW)

    def publish(self, content: str) -> None:
        answer = self.session.post(self.cluster.http_urls[0], {"content": content}, timeout=30)
        self.assertEqual(answer.text, "ok")

    def load(self) -> tuple[float, int]:
        """Broadcast for a while; return how long it took, and the most memory meanwhile."""
        self.crowd.mark()
        self.sent.clear()
        most, began = 0, time.monotonic()
        while (due := began + len(self.sent) / RATE) < began + SECONDS:
            time.sleep(max(0.0, due - time.monotonic()))
            content = stamped(MESSAGE)
            self.publish(content)
            self.sent.append(content[:STAMP].encode())
            most = max(most, self.resident)
        expected = len(self.sent) * frame_bytes(MESSAGE)
        report = eventually(lambda: self.reported(expected), "each has all", 60)
        self.assertEqual((report["clients"], report["most"]), (SLOW, expected))
        return percentile(report["waits"], PERCENT), most

    def reported(self, least: int) -> dict[str, Any]:
        report = self.crowd.report()
        return report if report["least"] >= least else {}

    @property
    def resident(self) -> int:
        """The bytes of memory that the pusher has."""
        pages = Path(f"/proc/{self.cluster.pushers[0].process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    @property
    def in_kernel(self) -> int:
        """The most bytes that the kernel holds for one client of the pusher."""
        port = self.cluster.pusher_ports[0]
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        mine = [row for row in rows if row[1].endswith(f":{port:04X}")]
        return max(int(row[4].partition(":")[0], 16) for row in mine)

    def check_disconnected(self, stuck: Sequence[SlowClient]) -> None:
        eventually(lambda: all(client.closed for client in stuck), "all are closed")

    def check_dropped(self, policy: str, stuck: Sequence[SlowClient]) -> None:
        """Let them read on: each has missed what the policy says, and is there."""

        def all_have_read() -> bool:
            self.publish(END)
            for client in stuck:
                client.read()
            return all(client.got.endswith(END.encode()) for client in stuck)

        eventually(all_have_read, "each has read what there was for it", 60)
        numbers = {stamp: number for number, stamp in enumerate(self.sent)}
        for client in stuck:
            self.assertFalse(client.closed)
            whole = [message for message in client.messages if message != END.encode()]
            self.assertEqual({len(message) for message in whole}, {MESSAGE})
            got = [numbers[message[:STAMP]] for message in whole]
            self.assertEqual(got, sorted(set(got)))
            missed = sorted(set(range(len(numbers))) - set(got))
            self.assertEqual(missed, list(range(missed[0], missed[-1] + 1)))
            self.assertEqual(missed[-1] == len(numbers) - 1, policy == "drop-newest")

    def check(self, policy: str) -> None:
        self.start(policy)
        alone, _ = self.load()
        base = self.resident
        stuck = [SlowClient(self.cluster.ws_urls[0]) for _ in range(SLOW)]
        beside, most = self.load()
        in_kernel = self.in_kernel
        if policy == "disconnect":
            self.check_disconnected(stuck)
        else:
            self.check_dropped(policy, stuck)
        for client in stuck:
            client.close()
        eventually(lambda: self.resident < base + SLACK, "its memory is given back")
        tell(
            f"{policy}: {SLOW} slow; p{PERCENT} {alone * 1000:.0f} ms alone, "
            f"{beside * 1000:.0f} beside them; memory {base >> 20} MiB, {most >> 20} at most, "
            f"{self.resident >> 20} after; {in_kernel >> 10} KiB in the kernel"
        )
        self.assertLess(beside, 2 * alone if LONG else 0.5)
        self.assertLess(most, base + SLOW * PENDING + SLACK)
        self.assertLess(in_kernel, KERNEL)

    def test_each_policy(self) -> None:
        """The good ones get all, about as soon as without the slow; memory has its bound."""
        for policy in POLICIES:
            with self.subTest(policy=policy):
                self.check(policy)
                self.crowd.close()
                self.cluster.stop()


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which *percent* of *values* are."""
    return sorted(values)[min(int(len(values) * percent / 100), len(values) - 1)]
