"""Roles that have their options from one file, as real processes."""

import re

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import connect

from tests.folder import short_folder
from tests.integration.processes import PATIENT, Role, eventually, healthy
from tests.ports import free_port
from tests.test_config_file import EXAMPLE
from tests.test_tokens import PRIVATE, private_pem, public_pem
from tpush.token_files import read_private_key
from tpush.tokens import sign

KEY = "an-API-key-of-some-bytes"
WAIT = 20


class ConfigFileTests(SynchronousTestCase):
    """The example of the docs, but for ports and folders."""

    @override
    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.file("channel.secret", b"a secret of the tests alone")
        self.file("api.keys", KEY.encode())
        self.file("tokens.pub", public_pem(PRIVATE["EdDSA"]))
        said = EXAMPLE.read_text()
        self.ports = {port: free_port() for port in ("2206", "4236", "4237")}
        for port, free in self.ports.items():
            said = re.sub(rf"\b{port}\b", str(free), said)
        said = said.replace("/etc/tpush", str(self.folder)).replace("/run/tpush", str(self.folder))
        self.path = self.file("tpush.toml", said.encode())

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content)
        return str(path)

    def start(self, role: str, *options: str) -> Role:
        started = Role(role, "--config", self.path, *options)
        self.addCleanup(started.stop)
        return started

    def test_one_file(self) -> None:
        """Each role takes its own part of it, its workers too; the command line wins."""
        self.start("tpush-channel")
        pusher = self.start("tpush-ws", "--workers", "2")
        publisher = self.start("tpush-http", *PATIENT)
        for role in (pusher, publisher):
            role.wait_for("connected to the channel", 2)
            self.assertEqual(len(role.workers), 2)
        url = f"http://127.0.0.1:{self.ports['4237']}/"
        eventually(lambda: healthy(url), "it is healthy")
        key = read_private_key(self.file("tokens.key", private_pem(PRIVATE["EdDSA"])))
        token = {"Authorization": f"Bearer {sign({'sub': 'ann'}, key)}"}
        where = f"ws://127.0.0.1:{self.ports['4236']}/"
        with connect(where, additional_headers=token) as client:
            client.recv(WAIT)
            asked = {"content": "hello", "receipt": "1"}
            self.assertEqual(requests.get(url, asked, timeout=WAIT).status_code, 401)
            headers = {"X-API-Key": KEY}
            answer = requests.get(url, asked, headers=headers, timeout=WAIT)
            self.assertEqual(answer.json()["written"], 1)
            self.assertEqual(client.recv(WAIT), "hello")

    def test_wrong(self) -> None:
        """What is wrong ends the role with one line, before anything starts."""
        for said, text in (
            (b"[ws]\nworker = 2", f"{self.path}: [ws] worker is no option of tpush-ws: is it w"),
            (b"[ws]\nworkers = 0", f"{self.path}: [ws] workers is a whole number from 1 to 1024"),
            (b"[ws", f"{self.path} is no TOML: "),
        ):
            self.file("tpush.toml", said)
            role = self.start("tpush-ws")
            self.assertEqual(role.process.wait(WAIT), 1)
            self.assertIn(f"tpush-ws: {text}", role.log)
            self.assertEqual(role.log.strip().count("\n"), 0, role.log)
