"""Back ends that are told and asked, with real processes."""

import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.hooks.keys import OTHER, SECRET, secret_file, written
from tests.integration.hook_server import Answer, HookServer
from tests.integration.processes import ROOT, Role, accepts, eventually
from tests.ports import free_port

WAIT = 30.0


class HooksCase(SynchronousTestCase):
    """One process with all roles, and a back end."""

    @override
    def setUp(self) -> None:
        self.hook = HookServer()
        self.addCleanup(lambda: self.hook.stop())
        self.secrets = secret_file(self)

    def start(self, *options: str) -> Role:
        self.port, self.http = free_port(), free_port()
        self.role = Role(
            "tpush",
            *("--listen-ws", f"tcp:{self.port}:interface=127.0.0.1"),
            *("--listen-http", f"tcp:{self.http}:interface=127.0.0.1"),
            *("--webhook-secret-file", str(self.secrets)),
            *("--client-join", "open", "--client-publish", "open"),
            *options,
        )
        self.addCleanup(self.role.stop)
        self.role.wait_for("worker .* started")
        return self.role

    def client(self, query: str = "", **options: Any) -> ClientConnection:
        client = connect(f"ws://127.0.0.1:{self.port}/{query}", legacy=True, **options)
        self.addCleanup(client.close)
        return client

    def address(self, client: ClientConnection) -> str:
        """Return the address that a client is greeted with."""
        words = str(client.recv(WAIT)).split()
        return ":".join(word.partition(":")[2] for word in words[:2])

    def counters(self) -> dict[str, int]:
        """Return what the worker counts."""
        info = requests.get(f"http://127.0.0.1:{self.http}/v1/info", timeout=WAIT).json()
        counters: dict[str, int] = info["workers"][0]["counters"]
        return counters

    def until_told(self, *last: str) -> Sequence[tuple[str, str]]:
        eventually(lambda: self.hook.told[-1:] == [last], f"{last} was told", WAIT)
        return self.hook.told


class WebhookTests(HooksCase):
    """What clients do is told, signed, in order and again where it fails."""

    def test_told(self) -> None:
        """All that a client does; what waits at the end is told before the process has ended."""
        self.start("--webhook", f"{self.hook.url}/events")
        client = self.client("?group=a")
        address = self.address(client)
        for said in ('"add_group","group_id":"b"', '"leave_group","group_id":"a"'):
            client.send('{"cmd":' + said + "}")
        client.send('{"cmd":"send_to_group","group_id":"b","message":"hello"}')
        self.assertEqual(client.recv(WAIT), "hello")
        before = [
            ("connect", address), ("join", "a"), ("join", "b"), ("leave", "a"), ("message", "b"),
        ]  # fmt: skip
        self.assertEqual(self.until_told("message", "b"), before)
        contents = [event["content"] for event in self.hook.events if "content" in event]
        self.assertEqual(contents, ["hello"])
        self.assertLess(abs(self.hook.events[0]["time"] - time.time()), WAIT)
        self.assertEqual(self.role.stop(), 0)
        self.assertEqual(self.hook.told, [*before, ("leave", "b"), ("disconnect", address)])
        self.assertEqual(
            self.hook.occupancy,
            [("occupied", "a"), ("occupied", "b"), ("vacated", "a"), ("vacated", "b")],
        )
        self.assertEqual(self.hook.unsigned, 0)
        self.assertNotIn(written(SECRET), self.role.log)
        self.assertNotIn("Traceback", self.role.log)

    def test_again(self) -> None:
        """Nothing is lost, and all is in order, after errors and with nobody at its port."""
        answers = iter([500, 503, 302])
        self.hook.answer = lambda _path, _body: (next(answers, 200), b"")
        self.start("--webhook", f"{self.hook.url}/events")
        addresses = [self.address(self.client())]
        self.until_told("connect", addresses[0])
        eventually(lambda: len(self.hook.calls) == 4, "three answers were no success", WAIT)
        self.assertEqual(len({name for _, name, _ in self.hook.calls}), 1)
        self.hook.stop()
        addresses.append(self.address(self.client()))
        self.role.wait_for("attempt 1 to send events to --webhook failed: Connection")
        told = self.hook.told
        self.hook = HookServer(self.hook.port)
        addresses.append(self.address(self.client()))
        self.until_told("connect", addresses[2])
        expected = [("connect", address) for address in addresses]
        self.assertEqual([*told, *self.hook.told], expected)

    def test_left_alone(self) -> None:
        """A back end that says when to come back is sent nothing until then."""
        times: list[float] = []

        def answer(_path: str, _body: dict[str, Any]) -> Answer:
            times.append(time.monotonic())
            return 429 if len(times) == 1 else 200, b""

        self.hook.headers = {"Retry-After": "2"}
        self.hook.answer = answer
        self.start("--webhook", f"{self.hook.url}/events")
        addresses = [self.address(self.client())]
        eventually(lambda: times, "it was told", WAIT)
        addresses.append(self.address(self.client()))
        self.until_told("connect", addresses[1])
        self.assertEqual(self.hook.told, [("connect", address) for address in addresses])
        self.assertGreater(times[1] - times[0], 2)

    def test_gone(self) -> None:
        """One that wants no more is sent no more, until a SIGHUP says that it is there again."""
        self.hook.answer = lambda _path, _body: (410, b"")
        self.start("--webhook", f"{self.hook.url}/events")
        self.address(self.client())
        self.role.wait_for("--webhook wants no more: the answer is 410. 1 events were not sent")
        self.hook.answer = lambda _path, _body: (200, b"")
        for _ in range(5):
            self.address(self.client())
        self.assertEqual(self.counters()["hook_dropped"], 6)
        self.role.process.send_signal(signal.SIGHUP)
        self.role.wait_for("did what SIGHUP asks for")
        self.until_told("connect", self.address(self.client()))
        self.assertEqual(len(self.hook.calls), 2)
        self.assertEqual(self.hook.calls[1][2]["dropped"], 6)
        self.assertEqual(self.role.log.count("--webhook"), 1)

    def test_new_secrets(self) -> None:
        """With the old secret and the new one both back ends can verify; SIGHUP reads them."""
        self.start("--webhook", f"{self.hook.url}/events")
        self.secrets.write_text(f"{written(OTHER)}\n{written(SECRET)}\n")
        self.role.process.send_signal(1)
        self.role.wait_for("did what SIGHUP asks for")
        self.until_told("connect", self.address(self.client()))
        self.hook._secret = OTHER
        self.until_told("connect", self.address(self.client()))
        self.assertEqual(self.hook.unsigned, 0)

    def test_a_back_end_that_is_silent(self) -> None:
        """It slows no client, takes no memory without bound, and keeps no process from its end."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            waits = ("--webhook-timeout", "60")  # for longer than anything takes here
            self.start("--webhook", url, "--max-webhook-events", "100", "--max-frames", "0", *waits)
            client = self.client("?group=a")
            client.recv(WAIT)
            big = "x" * 30_000
            self.send(client, big, 100)
            before = resident(self.role.process.pid)
            took = self.send(client, big, 600)
            grown = resident(self.role.process.pid) - before
            # All of them are 18 MB, and a hundred may wait.
            self.assertLess(grown, 10_000_000)
            self.assertLess(took, 30)
            self.role.wait_for("events were not sent to --webhook, .*: too many wait")
            self.assertLess(self.role.log.count("too many wait"), 200)
            self.assertEqual(self.role.stop(deadline=30), 0)
            self.role.wait_for("events were not sent to --webhook, .*: the worker ends")

    def send(self, client: ClientConnection, message: str, count: int) -> float:
        """Send to the group, and have each back; return the seconds that it took."""
        began = time.monotonic()
        said = json.dumps({"cmd": "send_to_group", "group_id": "a", "message": message})
        for _ in range(count):
            client.send(said)
            self.assertEqual(client.recv(WAIT), message)
        return time.monotonic() - began


class ConnectHookTests(HooksCase):
    """Who may connect is asked, and who does not answer lets nobody in."""

    def answer(self, path: str, body: dict[str, Any]) -> Answer:
        said = {
            "/no": b'{"allow":false,"reason":"not today"}',
            "/ann": b'{"user":"ann","groups":["vip"]}',
            "/silent": b"",
            "/broken": b"oops",
        }
        asked = body.get("path", "")
        if asked == "/silent":
            self.silence.wait(WAIT)
        return 200, said.get(asked, b"{}")

    def test_asked(self) -> None:
        """Refused, named, put into groups, too late and broken: each as a program and a page."""
        self.silence = threading.Event()
        self.addCleanup(self.silence.set)
        self.hook.answer = self.answer
        self.start("--connect-hook", f"{self.hook.url}/ask", "--connect-hook-timeout", "4")
        for path, status, code in (("no", 403, 4503), ("silent", 503, 1013), ("broken", 503, 1013)):
            with self.assertRaises(InvalidStatus) as refused:
                self.client(path)
            self.assertEqual(refused.exception.response.status_code, status, path)
            page = self.client(path, origin="http://127.0.0.1")
            with self.assertRaises(ConnectionClosed) as closed:
                page.recv(WAIT)
            assert closed.exception.rcvd is not None
            self.assertEqual(closed.exception.rcvd.code, code, path)
            if path == "no":
                self.assertEqual(closed.exception.rcvd.reason, "not today")
        ann = self.client("ann?x=1&token=hidden")
        address = self.address(ann)
        for to in ({"user": "ann"}, {"group": "vip"}, {"connection": address}):
            url = f"http://127.0.0.1:{self.http}/v1/publish"
            answer = requests.post(url, json={"to": to, "content": str(to)}, timeout=WAIT)
            self.assertEqual(answer.status_code, 200)
            self.assertEqual(ann.recv(WAIT), str(to))
        path, _, asked = self.hook.calls[-1]
        self.assertEqual(path, "/ask")
        self.assertEqual((asked["address"], asked["query"]), ("127.0.0.1", {"x": ["1"]}))
        self.assertEqual(self.hook.unsigned, 0)
        # Those who do not wait for the answer break nothing.
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", self.port)) as hasty:
                hasty.sendall(
                    b"GET /silent HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
                )
        self.silence.set()
        self.address(self.client("ann"))
        self.hook.stop()
        with self.assertRaises(InvalidStatus) as refused:
            self.client("ann")
        self.assertEqual(refused.exception.response.status_code, 503)
        self.assertEqual(self.role.stop(), 0)
        self.assertNotIn("Traceback", self.role.log)
        self.assertNotIn("hidden", self.role.log)

    def test_the_example(self) -> None:
        """The back end of the docs verifies what it is sent, prints it, and answers."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        port, output = free_port(), folder / "output"
        text = (ROOT / "docs" / "examples" / "hooks.py").read_text()
        (folder / "hooks.py").write_text(text.replace("8000", str(port)))
        command = [sys.executable, str(folder / "hooks.py"), str(self.secrets)]
        with output.open("wb") as out:
            back_end = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        self.addCleanup(back_end.wait)
        self.addCleanup(back_end.kill)
        eventually(lambda: accepts("127.0.0.1", port), "the example listens", WAIT)
        url = f"http://127.0.0.1:{port}"
        self.start("--connect-hook", f"{url}/connect", "--webhook", f"{url}/events")
        address = self.address(self.client())
        with self.assertRaises(InvalidStatus) as refused:
            self.client("?name=mallory")
        self.assertEqual(refused.exception.response.status_code, 403)
        told = {f"connect {address} ", f"join {address} lobby", "occupied - lobby"}
        eventually(lambda: set(output.read_text().splitlines()) == told, "all is told", WAIT)
        # What it has taken is not sent again.
        eventually(lambda: self.counters()["hook_events"] == 3, "all is taken", WAIT)
        self.assertEqual(len(output.read_text().splitlines()), 3)
        self.assertEqual(self.counters()["hook_failures"], 0)
        answer = requests.post(f"{url}/events", json={"events": []}, timeout=WAIT)
        self.assertEqual(answer.status_code, 401)

    def test_workers(self) -> None:
        """Several workers ask and tell too: settings and secrets come to them."""
        port, channel = free_port(), free_port()
        self.hook.answer = self.answer
        broker = Role("tpush-channel", "--listen", f"tcp:{channel}:interface=127.0.0.1")
        self.addCleanup(broker.stop)
        self.role = Role(
            "tpush-ws",
            *("--listen", f"tcp:{port}:interface=127.0.0.1", "--workers", "2"),
            *("--channel", f"tcp:127.0.0.1:{channel}"),
            *("--webhook", f"{self.hook.url}/events", "--connect-hook", f"{self.hook.url}/ask"),
            *("--webhook-secret-file", str(self.secrets)),
        )
        self.addCleanup(self.role.stop)
        self.role.wait_for("connected to the channel", 2)
        self.port = port
        clients = [self.client("ann") for _ in range(8)]
        addresses = {self.address(client) for client in clients}
        self.assertEqual(self.role.stop(), 0)
        for kind in ("connect", "disconnect"):
            self.assertEqual({where for what, where in self.hook.told if what == kind}, addresses)
        self.assertEqual({each["user"] for each in self.hook.events if "user" in each}, {"ann"})
        self.assertEqual(self.hook.unsigned, 0)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
