"""Roles that are told to end: what their clients see of it."""

import asyncio
import os
import resource
import signal
import socket
import time
from collections import Counter
from threading import Event, Thread

import requests
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.members import Member, all_gone, gather
from tests.integration.processes import SETTLING, Cluster, Role, accepts, eventually, tell
from tests.integration.raw import RawClient
from tests.ports import free_port

CLIENTS = int(os.environ.get("TPUSH_TEST_DRAIN", "2000"))
SPREAD = 10
"""Seconds over which they are closed: many times what a busy machine takes from a process."""


class PusherTests(SynchronousTestCase):
    """A pusher of two workers is told to end."""

    def start(self, *options: str, workers: int = 2) -> Cluster:
        self.cluster = Cluster(1, workers, 1, pusher_options=options)
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.pusher = self.cluster.pushers[0]
        self.host, self.port = self.cluster.pusher_hosts[0], self.cluster.pusher_ports[0]
        return self.cluster

    def health(self) -> tuple[int, str]:
        """Return what a balancer is told; 0 where it is not let in."""
        try:
            answer = requests.get(f"http://{self.host}:{self.port}/health", timeout=5)
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.text

    def test_rate(self) -> None:
        """2,000 clients get 1001 spread over ten seconds, and then it ends with status 0."""
        more_descriptors(2 * CLIENTS + 500)
        self.start(f"--drain-rate={CLIENTS // SPREAD}")

        async def run() -> list[Member]:
            members = await gather(self.port, CLIENTS, host=self.host)
            self.pusher.process.terminate()
            self.assertEqual(await all_gone(members), {1001: CLIENTS})
            return members

        members = asyncio.run(run())
        times = sorted(member.closed_at for member in members)
        took = times[-1] - times[0]
        tell(f"{CLIENTS} clients were closed within {took:.2f} s")
        self.assertGreater(took, SPREAD * 0.8)
        self.assertLess(took, SPREAD * 1.5)
        half = sum(at < times[0] + took / 2 for at in times)
        self.assertLess(abs(half - CLIENTS / 2), CLIENTS / 5)
        self.assertEqual(self.pusher.stop(deadline=10), 0)
        self.assertNotIn("Traceback", self.pusher.log)

    def test_accepted_first(self) -> None:
        """What was answered `ok` just before arrives, and then the close."""
        cluster = self.start()
        for round_ in range(5):

            async def run(round_: int = round_) -> list[Member]:
                members = await gather(self.port, 20, host=self.host)
                with requests.Session() as session:
                    for number in range(20):
                        content = {"content": f"{round_}:{number}"}
                        answer = await asyncio.to_thread(
                            session.get, cluster.http_urls[0], params=content, timeout=10
                        )
                        self.assertEqual(answer.text, "ok")
                    self.pusher.process.terminate()
                self.assertEqual(await all_gone(members), {1001: 20})
                return members

            for member in asyncio.run(run()):
                self.assertEqual(member.got, [f"{round_}:{number}" for number in range(20)])
            self.assertEqual(self.pusher.stop(deadline=10), 0)
            self.pusher.start()
            self.pusher.wait_for("connected to the channel", 2 * (round_ + 2))

    def test_grace(self) -> None:
        """/health says so first, while new clients are still taken; then nobody is."""
        self.start("--drain-grace=5")
        self.assertEqual(self.health(), (200, "ok"))
        client = RawClient(self.port, self.host).open()
        self.addCleanup(client.close)
        self.pusher.process.terminate()
        began = time.monotonic()
        self.pusher.wait_for("going away")
        self.pusher.process.send_signal(signal.SIGHUP)  # which changes nothing any more
        for _ in range(6):  # whichever worker it is
            eventually(lambda: self.health() == (503, "draining"), "it says so", 4)
            late = RawClient(self.port, self.host).open()
            self.addCleanup(late.close)
        eventually(lambda: not accepts(self.host, self.port), "nobody is let in", 10)
        self.assertGreater(time.monotonic() - began, 4.5)
        self.assertEqual([client.text(), late.text()], ["close 1001"] * 2)
        for each in (client, late):
            each.close()
        self.assertEqual(self.pusher.stop(deadline=10), 0)

    def test_without_a_channel(self) -> None:
        """/health of a pusher that has no channel is 503, and 200 when it is back."""
        self.start(workers=1)
        self.cluster.channel.kill()
        eventually(lambda: self.health() == (503, "channel not connected"), "it says so")
        self.cluster.channel.start()
        eventually(lambda: self.health() == (200, "ok"), "it is back")

    def test_a_handshake_in_progress(self) -> None:
        """A client that was in its handshake finishes it, and is told."""
        self.start(workers=1)
        client = RawClient(self.port, self.host)
        self.addCleanup(client.close)
        client.socket.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        other = RawClient(self.port, self.host).open()
        self.addCleanup(other.close)
        self.pusher.process.terminate()
        self.assertEqual(other.text(), "close 1001")
        other.close()
        client.finish()
        self.assertEqual(client.text(), "close 1001")
        client.close()
        self.assertEqual(self.pusher.stop(deadline=10), 0)

    def test_the_parent_is_killed(self) -> None:
        """Workers without a parent leave the port to the next one at once, whatever the grace."""
        self.start("--drain-grace=30")
        client = RawClient(self.port, self.host).open()
        self.addCleanup(client.close)
        self.pusher.kill()
        eventually(lambda: not accepts(self.host, self.port), "nobody listens", 5)
        self.pusher.start()
        eventually(lambda: self.health()[0] == 200, "the next one does", 20)
        self.pusher.kill()  # not to wait for its own grace


class SingleTests(SynchronousTestCase):
    """All roles in one process."""

    def test_accepted_first(self) -> None:
        """What was answered `ok` just before arrives, and then the close."""
        ws, http = free_port(), free_port()
        role = Role(
            "tpush",
            f"--listen-ws=tcp:{ws}:interface=127.0.0.1",
            f"--listen-http=tcp:{http}:interface=127.0.0.1",
        )
        self.addCleanup(role.stop)
        for started in range(1, 6):
            role.wait_for("publisher started", started)
            client = RawClient(ws).open()
            self.addCleanup(client.close)
            with requests.Session() as session:
                for number in range(10):
                    url = f"http://127.0.0.1:{http}/"
                    answer = session.get(url, params={"content": str(number)}, timeout=10)
                    self.assertEqual(answer.text, "ok")
                role.process.terminate()
                got = [client.text() for _ in range(11)]
            self.assertEqual(got, [*map(str, range(10)), "close 1001"])
            client.close()
            self.assertEqual(role.stop(deadline=10), 0)
            role.start()


class PublisherTests(SynchronousTestCase):
    """A publisher is told to end."""

    def start(self, *options: str) -> Role:
        self.channel_port, self.port = free_port(), free_port()
        channel = Role("tpush-channel", f"--listen=tcp:{self.channel_port}:interface=127.0.0.1")
        self.addCleanup(channel.stop)
        role = Role(
            "tpush-http",
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--channel=tcp:127.0.0.1:{self.channel_port}",
            *options,
        )
        self.addCleanup(role.stop)
        role.wait_for("connected to the channel", 2 if "--workers=2" in options else 1)
        return role

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        self.addCleanup(connection.close)
        return connection

    def test_a_slow_request(self) -> None:
        """A request that is still arriving is answered, while nobody new is let in."""
        for options in ([], ["--workers=2"]):
            role = self.start(*options)
            slow, idle = [self.connect() for _ in range(4)], self.connect()
            body = b"content=hello"
            head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n" % len(body)
            head += b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            pieces = [head[:4], head[:40], head, head + body[:5]]
            for connection, piece in zip(slow, pieces, strict=True):
                connection.sendall(piece)
            ask(idle, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            role.process.terminate()
            eventually(lambda: not accepts("127.0.0.1", self.port), "nobody is let in", 5)
            self.assertEqual(idle.recv(100), b"")
            for connection, piece in zip(slow, pieces, strict=True):
                answer = ask(connection, (head + body)[len(piece) :])
                self.assertRegex(answer, rb"^HTTP/1.1 200 (?s:.*)\r\n\r\nok$")
                self.assertIn(b"Connection: close", answer)
                self.assertEqual(connection.recv(100), b"")
            self.assertEqual(role.stop(deadline=10), 0)
            self.assertNotIn("never acknowledged", role.log)
            self.assertNotIn("Traceback", role.log)

    def test_grace(self) -> None:
        """/health says so first, while requests are still answered."""
        role = self.start("--drain-grace=5", "--workers=2")
        url = f"http://127.0.0.1:{self.port}/"
        self.assertEqual(requests.get(url + "health", timeout=5).text, "ok")
        role.process.terminate()

        def draining() -> bool:
            answer = requests.get(url + "health", timeout=5)
            return (answer.status_code, answer.text) == (503, "draining")

        for _ in range(6):
            eventually(draining, "it says so", 4)
            self.assertEqual(requests.get(url, {"content": "x"}, timeout=5).text, "ok")
        eventually(lambda: not accepts("127.0.0.1", self.port), "nobody is let in", 10)
        self.assertEqual(role.stop(deadline=10), 0)

    def test_under_load(self) -> None:
        """Behind a balancer that asks /health no request is without its answer."""
        role = self.start("--workers=2", "--drain-grace=3")
        away, counts, wrong = Event(), Counter[str](), list[str]()
        url = f"http://127.0.0.1:{self.port}/"

        def balancer() -> None:
            while requests.get(url + "health", timeout=5).status_code == 200:
                time.sleep(0.05)
            away.set()

        def back_end(*, keep: bool) -> None:
            with requests.Session() as session:
                while not away.is_set():
                    get = session.get if keep else requests.get
                    try:
                        answer = get(url, params={"content": "x"}, timeout=20)
                        counts[answer.text] += 1
                    except requests.RequestException as error:
                        wrong.append(str(error))

        threads = [Thread(target=back_end, kwargs={"keep": n % 2 == 0}) for n in range(6)]
        threads.append(Thread(target=balancer))
        for thread in threads:
            thread.start()
        eventually(lambda: counts["ok"] > 200, "they are at it")
        self.assertEqual(role.stop(deadline=20), 0)
        for thread in threads:
            thread.join(20)
        self.assertTrue(away.is_set())
        self.assertEqual((wrong, set(counts)), ([], {"ok"}))


class ChannelTests(SynchronousTestCase):
    """A channel is told to end."""

    def test_told(self) -> None:
        """Peers are told, and are back when another one is there; nobody is disconnected."""
        cluster = Cluster(1, 2, 1, channel_options=SETTLING)
        self.addCleanup(cluster.stop)
        cluster.wait_until_ready()
        client = RawClient(cluster.pusher_ports[0], cluster.pusher_hosts[0]).open()
        self.addCleanup(client.close)
        for number in range(3):
            self.assertEqual(cluster.channel.stop(deadline=10), 0)
            cluster.pushers[0].wait_for("the channel goes away", 2 * (number + 1))
            cluster.publishers[0].wait_for("the channel goes away", number + 1)
            answer = requests.get(cluster.http_urls[0], {"content": str(number)}, timeout=10)
            self.assertEqual(answer.text, "ok")
            cluster.channel.start()
            self.assertEqual(client.text(), str(number))
        for role in cluster.roles:
            self.assertNotIn("lost", role.log)
            self.assertNotIn("Traceback", role.log)


def more_descriptors(count: int) -> None:
    """Let this process, and those that it starts, have more descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(count, hard)), hard))


def ask(connection: socket.socket, data: bytes) -> bytes:
    """Send what is left of a request, and return its answer."""
    connection.sendall(data)
    answer = b""
    while b"\r\n\r\nok" not in answer and (more := connection.recv(4096)):
        answer += more
    return answer
