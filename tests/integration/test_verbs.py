"""Groups, users and connections by the JSON API, with real processes on two hosts."""

from collections import Counter
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.processes import PATIENT, Cluster, eventually, kill

WAIT = 20


class VerbTests(SynchronousTestCase):
    """Two hosts with two workers each, and two publishers."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(pushers=2, workers=2, publishers=2, publisher_options=PATIENT)
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.asked = 0

    def client(self, number: int) -> tuple[ClientConnection, str]:
        """Return a client, and its address."""
        client = connect(self.cluster.ws_urls[number % 2], open_timeout=WAIT)
        self.addCleanup(client.close)
        words = str(client.recv(WAIT)).split()
        return client, ":".join(word.partition(":")[2] for word in words[:2])

    def ask(self, method: str, path: str, status: int = 200, **said: Any) -> Any:
        """Ask one publisher after the other."""
        self.asked += 1
        url = f"{self.cluster.http_urls[self.asked % 2]}v1/{path}"
        answer = requests.request(method, url, json=said or None, timeout=WAIT)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer.json()

    def test_verbs(self) -> None:
        """What one publisher has done, the other one sees, wherever the clients are."""
        clients = [self.client(number) for number in range(8)]
        addresses = [address for _, address in clients]
        everyone = [{"connection": address} for address in addresses]
        done = self.ask("POST", "groups/news/join", to=everyone)
        self.assertEqual((done["matched"], done["done"]), (8, 8))
        shown = self.ask("GET", "groups/news")
        self.assertEqual((shown["count"], sorted(shown["connections"])), (8, sorted(addresses)))
        for address in addresses[:3]:
            self.ask("POST", "users/ann/bind", to={"connection": address})
        self.ask("POST", "unbind", to={"connection": addresses[2]})
        shown = self.ask("GET", "users/ann")
        self.assertEqual(sorted(shown["connections"]), sorted(addresses[:2]))
        self.ask("POST", "groups/news/leave", to={"user": "ann"})
        self.ask("POST", "publish", to={"group": "news"}, content="to six")
        self.ask("POST", "publish", to={"broadcast": True}, content="to all")
        for number, (client, _) in enumerate(clients):
            expected = ["to all"] if number < 2 else ["to six", "to all"]
            self.assertEqual([client.recv(WAIT) for _ in expected], expected)
        self.check_close(clients)
        self.check_info(clients)

    def test_rates(self) -> None:
        """Each worker tells what it does at the moment, and both publishers the sum of it."""
        before = self.counted(self.ask("GET", "info"))
        clients = [self.client(number) for number in range(8)]
        for _ in range(50):
            self.ask("POST", "publish", to={"broadcast": True}, content="x")
        for client, _ in clients:
            for _ in range(50):
                client.recv(WAIT)
        info = self.ask("GET", "info")
        counted = self.counted(info) - before
        self.assertEqual(counted, {"opened": 8, "messages": 4 * 50, "deliveries": 8 * 50})
        for name, rate in info["rates"].items():
            told = sum(worker["rates"][name] for worker in info["workers"])
            self.assertAlmostEqual(rate, told, places=2)
            self.assertGreater(rate, 0, name)
        idle = dict.fromkeys(info["rates"], 0)
        eventually(lambda: self.ask("GET", "info")["rates"] == idle, "nothing goes on any more")

    def counted(self, info: Any) -> Counter[str]:
        """Return the counters that have a rate, of all workers together."""
        return Counter({
            name: sum(worker["counters"][name] for worker in info["workers"])
            for name in info["rates"]
        })

    def check_close(self, clients: list[tuple[ClientConnection, str]]) -> None:
        """Check that a user's connections are closed, and that an address is told to be gone."""
        done = self.ask("POST", "close", to={"user": "ann"}, code=4000, reason="bye", content="end")
        self.assertEqual(done["done"], 2)
        for client, _ in clients[:2]:
            self.assertEqual(client.recv(WAIT), "end")
            with self.assertRaises(ConnectionClosed) as closed:
                client.recv(WAIT)
            assert closed.exception.rcvd is not None
            self.assertEqual(
                (closed.exception.rcvd.code, closed.exception.rcvd.reason), (4000, "bye")
            )
        gone = {"connection": clients[0][1]}
        eventually(lambda: self.ask("GET", "users/ann")["count"] == 0, "they are gone")
        problem = self.ask("POST", "close", 404, to=gone)
        self.assertEqual(problem["type"], "urn:tpush:problem:no-such-connection")

    def check_info(self, clients: list[tuple[ClientConnection, str]]) -> None:
        """Check that all workers are told of, and of one that dies no more."""
        info = self.ask("GET", "info")
        self.assertEqual((info["connections"], len(info["workers"])), (6, 4))
        kill(self.cluster.pushers[0].workers[0])

        def without() -> bool:
            url = f"{self.cluster.http_urls[0]}v1/info"
            answer = requests.get(url, timeout=WAIT)
            workers = answer.json().get("workers", ()) if answer.status_code == 200 else ()
            ids = {worker["worker"] for worker in workers}
            return len(ids) == 4 and ids != {worker["worker"] for worker in info["workers"]}

        eventually(without, "the dead worker is forgotten, and another is there")
