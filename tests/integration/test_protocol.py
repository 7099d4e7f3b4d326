"""The subprotocol tpush.v1, with real processes: what its specification says."""

import json
import re
from pathlib import Path
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.integration.processes import PATIENT, Cluster

SPECIFICATION = Path(__file__).parents[2] / "docs" / "protocol.md"
WAIT = 20
V1 = Subprotocol("tpush.v1")


def transcript() -> list[tuple[str, dict[str, Any]]]:
    """Return the transcript of the specification: directions, and what was said."""
    text = SPECIFICATION.read_text().partition("## A transcript")[2]
    lines = re.findall(r"^([→←]) (\{.*\})$", text, re.MULTILINE)
    return [(direction, json.loads(said)) for direction, said in lines]


class ProtocolTests(SynchronousTestCase):
    """Two hosts, with two workers each."""

    @override
    def setUp(self) -> None:
        options = ["--client-join=open", "--client-publish=open"]
        self.cluster = Cluster(
            pushers=2, workers=2, pusher_options=options, publisher_options=PATIENT
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()

    def client(self, number: int = 0, path: str = "") -> ClientConnection:
        url = self.cluster.ws_urls[number % 2] + path
        client = connect(url, subprotocols=[V1], open_timeout=WAIT)
        self.addCleanup(client.close)
        self.assertEqual(client.subprotocol, V1)
        return client

    def take(self, client: ClientConnection) -> dict[str, Any]:
        return dict(json.loads(client.recv(WAIT)))

    def test_protocol(self) -> None:
        """The transcript is true, an acknowledgement too, and plain clients get the same."""
        self.check_transcript()
        self.check_subscribed()
        self.check_plain_beside_it()

    def check_transcript(self) -> None:
        """Check that the transcript is what is said, but for the worker's id."""
        client, lines = self.client(), transcript()
        self.assertGreater(len(lines), 10)
        expected: list[dict[str, Any]] = []
        for direction, said in lines:
            if direction == "→":
                self.answered(client, expected)
                client.send(json.dumps(said))
            else:
                expected.append(said)
        self.answered(client, expected)

    def answered(self, client: ClientConnection, expected: list[dict[str, Any]]) -> None:
        """Check that a client is told just that, in any order."""
        got = [self.take(client) for _ in expected]
        for said in (*got, *expected):
            for field in "worker", "connection", "address":
                said.pop(field, None)
        self.assertEqual(sorted(got, key=str), sorted(expected, key=str))
        expected.clear()

    def check_subscribed(self) -> None:
        """Check that what is published after an acknowledgement comes, wherever a client is."""
        url = self.cluster.http_urls[0] + "v1/publish"
        for number in range(8):
            client = self.client(number)
            self.assertEqual(self.take(client)["type"], "welcome")
            group = f"group-{number}"
            client.send(json.dumps({"type": "subscribe", "id": number, "group": group}))
            answer = self.take(client)
            self.assertEqual(answer, {"type": "subscribed", "id": number, "group": group})
            order = {"to": {"group": group}, "data": [number]}
            self.assertEqual(requests.post(url, json=order, timeout=WAIT).status_code, 200)
            message = self.take(client)
            self.assertEqual(message, {"type": "message", "group": group, "data": [number]})

    def check_plain_beside_it(self) -> None:
        """Check that a plain client and one that speaks JSON get the same messages."""
        client = self.client(path="?group=sport")
        self.assertEqual(self.take(client)["groups"], ["sport"])
        plain = connect(self.cluster.ws_urls[1] + "?group=sport")
        self.addCleanup(plain.close)
        plain.recv(WAIT)
        self.cluster.wait_until_joined()
        url = self.cluster.http_urls[0] + "v1/publish"
        order = {"to": {"group": "sport"}, "base64": "AP8=", "receipt": True}
        receipt = requests.post(url, json=order, timeout=WAIT).json()
        self.assertEqual((receipt["written"], receipt["workers"]), (2, 2))
        self.assertEqual(plain.recv(WAIT), b"\0\xff")
        message = self.take(client)
        self.assertEqual(message, {"type": "message", "group": "sport", "base64": "AP8="})
