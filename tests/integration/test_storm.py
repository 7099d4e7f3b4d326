"""A worker is killed, and all its clients come back at once.

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
from tests.integration.processes import Cluster, eventually, kill, tell
from tests.integration.test_slow import percentile

CLIENTS = int(os.environ.get("TPUSH_TEST_STORM", "250"))
"""Of each of two workers."""

LONG = CLIENTS >= 5_000
WITHIN = 5.0
RATE = 1
"""Broadcasts a second."""

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
        self.clients_cores = {max(cores)}
        self.roles_cores = cores - self.clients_cores or cores
        self.session = requests.Session()
        self.addCleanup(self.session.close)

    def start(self) -> None:
        secret = Path(self.mktemp()).resolve()
        secret.write_text(SECRET)
        secret.chmod(0o600)
        os.sched_setaffinity(0, self.roles_cores)
        options = ("--token-secret-file", str(secret), "--ping-interval", "0")
        self.cluster = Cluster(pushers=1, workers=2, pusher_options=options)
        self.addCleanup(self.cluster.stop)
        os.sched_setaffinity(0, self.clients_cores)
        self.pusher = self.cluster.pushers[0]
        self.pusher.wait_for("connected to the channel", 2)
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

    def test_storm(self) -> None:
        """All are greeted again soon, and none is refused; those of the other hardly notice."""
        self.start()
        self.mark()
        self.broadcast(WITHIN)
        before = percentile(gathered(self.reports(), "waits"), 99)
        kill(self.pusher.workers[0])
        self.mark()
        self.broadcast(WITHIN)
        eventually(lambda: not any(r["opening"] for r in self.reports()), "all are back", 30)
        reports = self.reports()
        away = gathered(reports, "away")
        during = percentile(gathered(reports, "waits"), 99)
        refused = sum(report["refused"] for report in reports)
        tell(
            f"{len(away)} came back within {max(away):.2f} s (half: {percentile(away, 50):.2f}), "
            f"{refused} refused; p99 of the others {before * 1000:.0f} ms, then "
            f"{during * 1000:.0f}"
        )
        self.assertEqual(sum(report["clients"] for report in reports), 2 * CLIENTS)
        self.assertGreater(len(away), CLIENTS // 2)
        self.assertEqual(refused, 0)
        self.assertLess(max(away), WITHIN)


def gathered(reports: Sequence[dict[str, Any]], name: str) -> list[float]:
    """Return what all reports have under a name."""
    return [value for report in reports for value in report[name]]
