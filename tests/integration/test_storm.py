"""A worker is killed, and all its clients come back at once.

Two things are promised: that they are all greeted soon, on one core, and that the clients of other
workers, which have cores of their own, hardly notice. Where there are fewer than four cores the
others have none of their own: then the first is measured by itself, and the second shown alone.

By default a small storm; `make storm` is the large one.
"""

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.crowd import Crowd, stamped
from tests.integration.processes import Cluster, cpu_seconds, eventually, kill, tell
from tests.integration.test_slow import percentile

CLIENTS = int(os.environ.get("TPUSH_TEST_STORM", "250"))
"""Of each of two workers."""

LONG = CLIENTS >= 5_000
WITHIN = 5.0
"""Seconds in which all are to be greeted."""

SECONDS = WITHIN if LONG else 2.0
"""For which is broadcast, before the kill and from then on."""

RATE = 1
"""Broadcasts a second."""

WORSE = 2
"""How many times as long the others' messages may take meanwhile."""

CORES = 4
"""For the worker that is killed, for the other one, for the other roles, and for the clients."""

MESSAGE = 64
IN_A_PROCESS = 5_000
SPARE = 1_000
"""Descriptors that a worker needs besides, and for clients that chance gave it more of."""

SECRET = "a secret that the application and the pusher have"


class StormTests(SynchronousTestCase):
    """Two workers, of which one is killed."""

    @override
    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The worker that is left may have all of its own, and half of the other's.
        needed = CLIENTS * 3 // 2 + SPARE
        if hard < needed:
            self.fail(f"a worker needs {needed} descriptors, and may have {hard}: see ulimit -Hn")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        cores = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, cores)
        self.own_cores = len(cores) >= CORES
        *self.cores, self.clients_core = sorted(cores) if len(cores) > 1 else [*cores] * 2
        self.session = requests.Session()
        self.addCleanup(self.session.close)

    def start(self, *, apart: bool = False) -> None:
        """Have two workers with clients, on one core, or each on its own."""
        secret = Path(self.mktemp()).resolve()
        secret.write_text(SECRET)
        secret.chmod(0o600)
        os.sched_setaffinity(0, self.cores)
        options = ("--token-secret-file", str(secret), "--ping-interval", "0")
        self.cluster = Cluster(pushers=1, workers=2, pusher_options=options)
        self.addCleanup(self.cluster.stop)
        os.sched_setaffinity(0, {self.clients_core})
        self.pusher = self.cluster.pushers[0]
        self.pusher.wait_for("connected to the channel", 2)
        self.pin(apart=apart)
        token = jwt.encode({"sub": "ann", "exp": time.time() + 600}, SECRET, "HS256")
        eventually(self.published, "the channel has settled")
        self.crowds: list[Crowd] = []
        where = self.cluster.pusher_hosts[0], self.cluster.pusher_ports[0]
        for start in range(0, 2 * CLIENTS, IN_A_PROCESS):
            count = min(IN_A_PROCESS, 2 * CLIENTS - start)
            crowd = Crowd(*where, source=f"127.0.1.{1 + len(self.crowds)}")
            self.addCleanup(crowd.close)
            self.crowds.append(crowd)
            crowd.open(count, query=f"?token={token}", returning=True)

    def pin(self, *, apart: bool) -> None:
        """Say who runs where; what takes the place of the worker that dies has its core."""
        killed, other, *rest = self.cores if apart else self.cores[:1] * 3
        for role in self.cluster.roles:
            os.sched_setaffinity(role.process.pid, rest)
        dies, stays = self.pusher.workers
        os.sched_setaffinity(self.pusher.process.pid, {killed})
        os.sched_setaffinity(dies, {killed})
        os.sched_setaffinity(stays, {other})

    def published(self) -> bool:
        url = self.cluster.http_urls[0]
        try:
            answer = self.session.post(url, {"content": stamped(MESSAGE)}, timeout=30)
        except requests.ConnectionError:
            return False
        return answer.text == "ok"

    def reports(self) -> list[dict[str, Any]]:
        return [crowd.report() for crowd in self.crowds]

    def broadcast(self, seconds: float) -> None:
        began, sent = time.monotonic(), 0
        while (due := began + sent / RATE) < began + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            self.assertTrue(self.published())
            sent += 1

    def mark(self) -> None:
        for crowd in self.crowds:
            crowd.mark()

    def kill_one(self) -> None:
        self.mark()
        dies, stays = self.pusher.workers
        self.used_before = cpu_seconds(stays)
        kill(dies)

    def used(self) -> float:
        """Return the workers' processor time since then, with what the new one took to start."""
        return sum(map(cpu_seconds, self.pusher.workers)) - self.used_before

    def back(self) -> str:
        """Wait until all are back; tell how long that took, which others' load makes longer."""
        eventually(lambda: not any(r["opening"] for r in self.reports()), "all are back", 30)
        reports = self.reports()
        self.assertEqual(sum(report["clients"] for report in reports), 2 * CLIENTS)
        self.assertEqual(sum(report["refused"] for report in reports), 0)
        away = gathered(reports, "away")
        self.assertGreater(len(away), CLIENTS // 2)
        self.longest = max(away)
        half = percentile(away, 50)
        return (
            f"{len(away)} came back within {self.longest:.2f} s (half: {half:.2f}), for "
            f"{self.used():.2f} s of the workers' processor time"
        )

    def waited(self) -> float:
        """Return how long messages have taken, the 99th percentile."""
        return percentile(gathered(self.reports(), "waits"), 99)

    def test_greeted(self) -> None:
        """All are greeted again soon, and none is refused."""
        self.start()
        self.kill_one()
        time.sleep(SECONDS)  # to be asked how it is going takes the clients' time
        tell(self.back())
        self.assertLess(self.longest, WITHIN)

    def test_others(self) -> None:
        """Those of the other worker hardly notice."""
        self.start(apart=self.own_cores)
        self.mark()
        self.broadcast(SECONDS)
        before = self.waited()
        self.kill_one()
        self.broadcast(SECONDS)
        during = self.waited()
        tell(f"{self.back()}; p99 of the others {before * 1000:.0f} ms, then {during * 1000:.0f}")
        if not self.own_cores:
            tell("of which nothing is asserted: the others have no core of their own here")
        elif LONG:
            self.assertLess(self.longest, WITHIN)
            self.assertLess(during, WORSE * before)


def gathered(reports: Sequence[dict[str, Any]], name: str) -> list[float]:
    """Return what all reports have under a name."""
    return [value for report in reports for value in report[name]]
