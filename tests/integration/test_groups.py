"""Groups and users, with real processes on two hosts."""

from pathlib import Path

import jwt
import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.processes import PATIENT, Cluster, eventually, kill

SECRET = "a secret of at least thirty-two bytes"
WAIT = 20


class GroupTests(SynchronousTestCase):
    """Members have what is for them on whatever host and worker they are."""

    @override
    def setUp(self) -> None:
        secret = Path(self.mktemp()).absolute()
        secret.write_text(SECRET)
        secret.chmod(0o600)
        self.cluster = Cluster(
            pushers=2,
            workers=2,
            publishers=2,
            publisher_options=PATIENT,
            pusher_options=[
                f"--token-secret-file={secret}",
                "--auth=optional",
                "--client-publish=token",
            ],
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()

    def client(self, number: int, *groups: str, **claims: object) -> ClientConnection:
        token = jwt.encode({"sub": f"user-{number % 3}", **claims}, SECRET, "HS256")
        query = "&".join([f"token={token}", *(f"group={group}" for group in groups)])
        urls = self.cluster.ws_urls
        client = connect(f"{urls[number % len(urls)]}?{query}")
        self.addCleanup(client.close)
        client.recv(WAIT)
        self.cluster.wait_until_joined()
        return client

    def publish(self, number: int, **said: object) -> dict[str, object]:
        urls = self.cluster.http_urls
        answer = requests.post(f"{urls[number % len(urls)]}v1/publish", json=said, timeout=WAIT)
        self.assertEqual(answer.status_code, 200, answer.text)
        return dict(answer.json())

    def matched(self, content: str, **to: str) -> int:
        """Publish with a receipt; say how many connections of the cluster got it."""
        receipt = self.publish(0, to=to, content=content, receipt=True)
        self.assertEqual(receipt["matched"], receipt["written"], receipt)
        return int(str(receipt["matched"]))

    def until(self, client: ClientConnection, last: str) -> list[str]:
        """Read until a client has that message; return those before it."""
        got: list[str] = []
        while (text := str(client.recv(WAIT))) != last:
            got.append(text)
        return got

    def test_groups_and_users(self) -> None:
        """A group over four workers, and a user over both hosts."""
        clients = [self.client(number, "news", groups=["news"]) for number in range(12)]
        outside = self.client(1)
        for number in range(20):
            self.publish(0, to={"group": "news"}, data={"number": number})
        self.assertEqual(self.matched("to the group", group="news"), 12)
        self.assertEqual(self.matched("to a user", user="user-1"), 5)
        self.assertEqual(self.matched("to nobody", group="sport"), 0)
        self.publish(0, to={"broadcast": True}, content="to all")
        expected = [f'{{"number":{number}}}' for number in range(20)] + ["to the group"]
        for number, client in enumerate(clients):
            more = ["to a user"] if number % 3 == 1 else []
            self.assertEqual(self.until(client, "to all"), expected + more)
        self.assertEqual(self.until(outside, "to all"), ["to a user"])

    def test_lists_and_keys(self) -> None:
        """Each gets what is for several once, and a repeated publish once; both in a batch too."""
        clients = [self.client(number, "news", groups=["news"]) for number in range(6)]
        self.client(6)
        order = {
            "to": [{"group": "news"}, {"user": "user-0"}, {"user": "user-1"}],
            "except": [{"user": "user-1"}],
            "content": "several",
            "receipt": True,
            "key": "a key",
        }
        first = self.publish(0, **order)
        self.assertEqual((first["matched"], first["written"]), (5, 5))
        self.assertEqual(self.publish(1, **order), first)
        url = f"{self.cluster.http_urls[1]}v1/batch"
        more = {"to": [{"group": "news"}, {"broadcast": True}], "content": "more"}
        answer = requests.post(url, json=[order, more, {}], timeout=WAIT)
        repeated, accepted, wrong = answer.json()
        self.assertEqual((repeated, accepted), (first, {"accepted": True}))
        self.assertEqual(wrong["status"], 400)
        self.publish(1, to={"broadcast": True}, content="last")
        for number, client in enumerate(clients):
            expected = ["more"] if number % 3 == 1 else ["several", "more"]
            self.assertEqual(self.until(client, "last"), expected)

    def test_coming_and_going(self) -> None:
        """Members join, leave, are gone and speak, as their tokens let them."""
        claims = {"groups": ["news", "sport"], "publish": ["sport"]}
        clients = [self.client(number, "news", **claims) for number in range(8)]
        for client in clients[:5]:
            client.send('{"cmd":"leave_group","group_id":"news"}')
            client.send('{"cmd":"add_group","group_id":"sport"}')
        eventually(lambda: self.matched("?", group="sport") == 5, "five have joined")
        self.assertEqual(self.matched("?", group="news"), 3)
        clients[7].close()
        eventually(lambda: self.matched("?", group="news") == 2, "one is gone")
        clients[6].send('{"cmd":"send_to_group","group_id":"sport","message":"hello"}')
        for client in clients[:5]:
            self.assertEqual(set(self.until(client, "hello")), {"?"})
        clients[6].send('{"cmd":"add_group","group_id":"secret"}')
        with self.assertRaises(ConnectionClosed) as closed:
            self.until(clients[6], "never")
        assert closed.exception.rcvd is not None
        self.assertEqual(closed.exception.rcvd.code, 4503)

    def test_a_worker_dies(self) -> None:
        """Groups are as they should be again when its clients are back, on another worker."""
        for number in range(8):
            self.client(number, "news", groups=["news"])
        self.assertEqual(self.matched("?", group="news"), 8)
        for pid in self.cluster.pushers[0].workers:
            kill(pid)

        def left() -> bool:
            receipt = {"to": {"group": "news"}, "content": "?", "receipt": True}
            answer = requests.post(
                f"{self.cluster.http_urls[0]}v1/publish", json=receipt, timeout=WAIT
            )
            return answer.status_code == 200 and answer.json()["matched"] == 4

        eventually(left, "half of them are gone")
        self.client(0, "news", groups=["news"])
        self.assertEqual(self.matched("?", group="news"), 5)
