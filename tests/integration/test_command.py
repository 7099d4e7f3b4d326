"""Both clients and the ``tpush`` command, with real processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase
from typing_extensions import override
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.integration.processes import LATE, ROOT, Role, eventually, healthy
from tests.ports import free_port
from tests.test_tokens import PRIVATE, private_pem, public_pem
from tpush.http import (
    ACCEPTED,
    EVERYBODY,
    JSON,
    NO_RETRY,
    BlockingPublisher,
    Connection,
    Done,
    Group,
    Members,
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    Publish,
    Publisher,
    User,
)

KEY = "an-API-key-of-some-bytes"
SECRET = "a secret of at least thirty-two bytes"
WAIT = 20


class CommandTests(TestCase):
    """A publisher that asks for a key, and a pusher that looks at tokens."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        keys, secrets = self.file("keys", KEY), self.file("secrets", SECRET)
        self.ws, http = free_port(), free_port()
        self.url = f"http://127.0.0.1:{http}"
        self.options = (
            *("--listen-ws", f"tcp:{self.ws}:interface=127.0.0.1"),
            *("--listen-http", f"tcp:{http}:interface=127.0.0.1"),
            *("--api-key-file", keys, "--token-secret-file", secrets, "--auth", "optional"),
            *LATE,
        )
        self.role = self.start()

    def start(self) -> Role:
        role = Role("tpush", *self.options)
        self.addCleanup(role.stop)
        eventually(lambda: healthy(self.url + "/"), "it is healthy")
        return role

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    def environ(self, **more: str) -> dict[str, str]:
        clean = {name: v for name, v in os.environ.items() if not name.startswith("TPUSH_")}
        urls = {"TPUSH_URL": self.url, "TPUSH_WS_URL": f"ws://127.0.0.1:{self.ws}/"}
        return {**clean, **urls, "PYTHONPATH": str(ROOT), **more}

    def tpush(self, *arguments: str, stdin: bytes = b"", **environ: str) -> tuple[int, str]:
        """Run a command to its end; return its status, and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "tpush.command", *arguments],
            input=stdin,
            capture_output=True,
            timeout=WAIT,
            env=self.environ(**{"TPUSH_API_KEY": KEY, **environ}),
        )
        self.err = done.stderr.decode()
        self.assertNotIn("Traceback", self.err)
        return done.returncode, done.stdout.decode()

    def listen(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start listening; its address is in ``address`` once it is connected."""
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("wb") as output, err.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tpush.command", "listen", *arguments],
                stdout=output,
                stderr=errors,
                env=self.environ(),
                # A shell lets what it puts into the background ignore Ctrl-C, for good.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        eventually(lambda: "connected: " in err.read_text(), f"{name} is connected")
        self.address = err.read_text().split()[1]
        return process

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.err").read_text()

    def heard(self, name: str) -> list[str]:
        return (self.folder / f"{name}.out").read_text().splitlines()

    def test_blocking(self) -> None:
        """All verbs of the client that blocks."""
        client = self.enterContext(connect(f"ws://127.0.0.1:{self.ws}/"))
        publisher = self.enterContext(BlockingPublisher(self.url, key=KEY))
        numbers = re.findall(r"\d+", str(client.recv(WAIT)))
        address = Connection(*map(int, numbers[:2]))
        publisher.publish(EVERYBODY, "hellö")
        publisher.publish(address, JSON({"a": [1]}))
        receipt = publisher.publish_with_receipt([address, Group("x")], b"\xff", but=[User("y")])
        self.assertEqual((receipt.counts.matched, receipt.workers), (1, 1))
        for _ in range(2):
            publisher.publish(EVERYBODY, "once", idempotency_key="k")
        outcomes = publisher.batch([Publish(Group("x"), "no"), Publish(EVERYBODY, "last")])
        self.assertEqual(outcomes, [ACCEPTED, ACCEPTED])
        got = [client.recv(WAIT) for _ in range(5)]
        self.assertEqual(got, ["hellö", '{"a":[1]}', b"\xff", "once", "last"])
        with self.assertRaises(NoSuchConnection):
            publisher.publish_with_receipt(Connection(7, 3), "x")
        self.check_orders(publisher, client, address)
        with BlockingPublisher(self.url) as nobody, self.assertRaises(NotAllowed):
            nobody.publish(EVERYBODY, "x")
        with (
            BlockingPublisher("http://127.0.0.1:1", retry=NO_RETRY) as away,
            self.assertRaises(NotReachable),
        ):
            away.publish(EVERYBODY, "x")

    def check_orders(
        self, publisher: BlockingPublisher, client: ClientConnection, address: Connection
    ) -> None:
        """Check that connections are put into groups, bound to users, seen and closed."""
        where = f"{address.worker}:{address.connection}"
        self.assertEqual(publisher.join("a/b ü", address), Done(1, 1, 0, 1))
        self.assertEqual(publisher.group("a/b ü"), Members(1, [where], 1))
        publisher.bind("ann", Group("a/b ü"))
        self.assertEqual(publisher.user("ann").connections, [where])
        self.assertEqual(json.loads(self.tpush("info", "--user", "ann")[1])["count"], 1)
        publisher.unbind(User("ann"))
        self.assertEqual(publisher.user("ann").count, 0)
        publisher.leave("a/b ü", EVERYBODY)
        self.assertEqual(publisher.group("a/b ü").count, 0)
        self.assertEqual(publisher.info()["connections"], 1)
        self.assertEqual(json.loads(self.tpush("info")[1])["connections"], 1)
        publisher.disconnect(address, code=4000, reason="bye", last="end")
        self.assertEqual(client.recv(WAIT), "end")
        with self.assertRaises(ConnectionClosed):
            client.recv(WAIT)

    async def test_twisted(self) -> None:
        """All verbs of the client on Twisted."""
        publisher = Publisher(self.url, key=KEY)
        self.addCleanup(publisher.close)
        await publisher.publish(EVERYBODY, "hellö")
        receipt = await publisher.publish_with_receipt(EVERYBODY, "x")
        self.assertEqual((receipt.counts.matched, receipt.workers), (0, 1))
        publishes = [Publish(EVERYBODY, "a"), Publish(Connection(7, 3), "b", receipt=True)]
        accepted, missing = await publisher.batch(publishes)
        self.assertEqual(accepted, ACCEPTED)
        self.assertIsInstance(missing, NoSuchConnection)
        self.assertEqual(await publisher.join("news", EVERYBODY), Done(0, 0, 0, 1))
        self.assertEqual(await publisher.group("news"), Members(0, [], 0))
        self.assertEqual((await publisher.info())["connections"], 0)
        nobody = Publisher(self.url)
        self.addCleanup(nobody.close)
        await self.assertFailure(nobody.publish(EVERYBODY, "x"), NotAllowed)
        away = Publisher("http://127.0.0.1:1", retry=NO_RETRY)
        await self.assertFailure(away.publish(EVERYBODY, "x"), NotReachable)

    def test_publish_and_listen(self) -> None:
        """What is published is printed by those that it is for, one a line."""
        secrets = str(self.folder / "secrets")
        status, token = self.tpush("token", "make", "--secret-file", secrets, "--group", "news")
        self.assertEqual(status, 0)
        member = self.file("token", token)
        news = self.listen("news", "--group", "news", "--token-file", member, "--json")
        all_of_it = self.listen("all", "--count", "3")
        to_one = ("--connection", self.address, "--receipt")
        status, receipt = self.tpush("publish", *to_one, "hello, you")
        self.assertEqual((status, json.loads(receipt)["matched"]), (0, 1))
        self.assertEqual(self.tpush("publish", "--broadcast", "--json", '{"a": 5}'), (0, ""))
        self.assertEqual(self.tpush("publish", "--group=news", "--lines", stdin=b"a\nb"), (0, ""))
        self.assertEqual(self.tpush("publish", "--broadcast", "--binary", stdin=b"\xff"), (0, ""))
        self.assertEqual(all_of_it.wait(WAIT), 0)
        self.assertEqual(self.heard("all"), ["hello, you", '{"a":5}', "/w=="])
        eventually(lambda: len(self.heard("news")) == 4, "the member has it all")
        said: list[dict[str, Any]] = [json.loads(line) for line in self.heard("news")]
        contents = [{"content": text} for text in ('{"a":5}', "a", "b")]
        self.assertEqual(said, [*contents, {"base64": "/w=="}])
        news.send_signal(signal.SIGINT)
        self.assertEqual(news.wait(WAIT), 130)

    def test_pairs_of_keys(self) -> None:
        """A pusher that has public keys takes what was signed with the private ones."""
        public = self.file("public", b"".join(map(public_pem, PRIVATE.values())).decode())
        port = free_port()
        role = Role(
            "tpush",
            *("--listen-ws", f"tcp:{port}:interface=127.0.0.1"),
            *("--listen-http", f"tcp:{free_port()}:interface=127.0.0.1"),
            *("--token-public-key-file", public),
        )
        self.addCleanup(role.stop)
        role.wait_for("worker .* started")
        where = ("--url", f"ws://127.0.0.1:{port}/", "--group", "news", "--json")
        for algorithm, private in PRIVATE.items():
            key = self.file(algorithm, private_pem(private).decode())
            make = ("token", "make", "--private-key-file", key, "--group", "news")
            status, token = self.tpush(*make)
            self.assertEqual(status, 0, self.err)
            member = self.file(f"{algorithm}.token", token)
            self.listen(algorithm, *where, "--token-file", member).kill()
        self.assertEqual(self.tpush("listen", *where)[0], 5)

    def test_statuses(self) -> None:
        """A script can tell what has happened."""
        away = ("--url", "http://127.0.0.1:1")
        nobody = ("publish", "--receipt", "x", "--connection", "7:3")
        self.assertEqual(self.tpush(*nobody)[0], 3)
        self.assertEqual(self.tpush("publish", "--broadcast", "x", *away, "--attempts=1")[0], 4)
        self.assertEqual(self.tpush("bench", *away)[0], 4)
        self.assertEqual(self.tpush("listen", "--url", "ws://127.0.0.1:1")[0], 4)
        self.assertEqual(self.tpush("publish", "--broadcast", "x", TPUSH_API_KEY="")[0], 5)
        self.assertEqual(self.tpush("listen", TPUSH_TOKEN="x" * 20)[0], 5)
        self.assertEqual(self.tpush("listen", "--group", "secret")[0], 5)

    def test_end_of_pusher(self) -> None:
        """One that listens once ends when its pusher does, and says why."""
        listener = self.listen("all", "--once")
        self.role.stop()
        self.assertEqual(listener.wait(WAIT), 4)
        self.assertIn("1001", self.said("all"))

    def test_coming_back(self) -> None:
        """Another comes back: after a pusher that went away, and after one that was killed."""
        listener = self.listen("all")
        self.role.stop()
        self.check_return("1001", 2)
        self.role.kill()
        self.check_return("1006", 3)
        # A client that may not come back does not.
        with BlockingPublisher(self.url, key=KEY) as publisher:
            publisher.disconnect(EVERYBODY, code=4000, reason="show is over")
            eventually(lambda: self.said("all").count("connected: ") == 4, "it is back from 4000")
            publisher.disconnect(EVERYBODY, code=4500, reason="and out")
        self.assertEqual(listener.wait(WAIT), 1)
        self.assertIn("closed with 4500: and out\n", self.said("all"))

    def check_return(self, code: str, connected: int) -> None:
        """Check that it waits until there is a pusher, and hears again."""

        def said(text: str, count: int = 1) -> None:
            eventually(lambda: self.said("all").count(text) >= count, text)

        said(f"closed with {code}")
        said("refused", connected - 1)
        self.role = self.start()
        said("connected: ", connected)
        self.assertEqual(self.tpush("publish", "--broadcast", code), (0, ""))
        eventually(lambda: self.heard("all")[-1:] == [code], "it hears again")

    def test_ending_meanwhile(self) -> None:
        """Who has had enough need not wait, and is told nothing of lost connections."""
        waiting, connected = self.listen("waiting"), self.listen("connected")
        connected.terminate()
        self.assertEqual(connected.wait(WAIT), 130)
        self.assertEqual(self.said("connected").count("\n"), 1)
        self.role.stop()
        eventually(lambda: "coming back" in self.said("waiting"), "it has lost its connection")
        waiting.send_signal(signal.SIGINT)
        self.assertEqual(waiting.wait(WAIT), 130)

    def test_new_token(self) -> None:
        """A token that runs out is read again: with the one that is there then it comes back."""

        def token(seconds: int) -> str:
            secrets = str(self.folder / "secrets")
            make = ("token", "make", "--secret-file", secrets, "--user=ann")
            return self.tpush(*make, "--seconds", str(seconds))[1]

        late = token(3600)
        # With the leeway each has 19 s, from its token to its connection.
        self.listen("new", "--token-file", self.file("new", token(15)))
        self.file("new", late)
        old = self.listen("old", "--token-file", self.file("old", token(15)))
        eventually(lambda: self.said("new").count("connected: ") == 2, "it is back")
        self.assertIn("closed with 4401", self.said("new"))
        self.assertEqual(old.wait(3 * WAIT), 5)
        self.assertIn("the pusher answered 401", self.said("old"))

    def test_bench(self) -> None:
        """Rates of single messages, and of batches."""
        for more in ((), ("--batch", "100")):
            status, said = self.tpush("bench", "--messages", "300", *more)
            self.assertEqual(status, 0, said)
            self.assertRegex(said, r"\A300 messages in [0-9.]+ s: [0-9,]+/s\n")
        status, said = self.tpush("bench", "--messages", "2", "--size", "1048576")
        self.assertEqual(status, 1)
        self.assertRegex(said, "2 failed: Rejected: .*413")
