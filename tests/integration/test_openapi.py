"""The description of the API, and what the server does: the same."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests
import schemathesis
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import connect

from tests.integration.processes import ROOT, Role, eventually, healthy
from tests.ports import free_port

KEY = "a key of the tests alone"
EXAMPLES = os.environ.get("TPUSH_TEST_EXAMPLES", "")
"""Requests that are drawn for each operation, and anew at each run; by default few, the same."""


def strict(described: Any) -> Any:
    """Return a description as it is of this server alone, and of nothing that it does not say.

    Args:
        described: what it serves: clients are to stand fields that are added later, and other
            servers may ask for no key.
    """
    described["security"].remove({})
    for schema in described["components"]["schemas"].values():
        _close(schema)
    return described


def _close(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
        for part in schema.values():
            _close(part)


class DescriptionTests(SynchronousTestCase):
    """``/v1/openapi.json`` of ``twistd tpush``, which asks for a key."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        keys = self.folder / "keys"
        keys.touch(mode=0o600)
        keys.write_text(KEY)
        ws, http = free_port(), free_port()
        self.ws, self.url = f"ws://127.0.0.1:{ws}/", f"http://127.0.0.1:{http}/"
        self.role = Role(
            "tpush",
            *("--listen-ws", f"tcp:{ws}:interface=127.0.0.1"),
            *("--listen-http", f"tcp:{http}:interface=127.0.0.1"),
            *("--api-key-file", str(keys)),
        )
        self.addCleanup(self.role.stop)
        eventually(lambda: healthy(self.url), "it is healthy")
        served = requests.get(f"{self.url}v1/openapi.json", timeout=10)
        self.described = strict(served.json())

    def test_any_request(self) -> None:
        """What it allows is taken, what it does not is refused, and it has every answer."""
        path = self.folder / "openapi.json"
        path.write_text(json.dumps(self.described))
        chance = [] if EXAMPLES else ["--generation-deterministic"]
        run = "from schemathesis.cli import schemathesis; schemathesis()"
        done = subprocess.run(
            [
                *(sys.executable, "-c", run, "run", str(path)),
                *("--url", self.url, "--header", f"X-API-Key: {KEY}"),
                # Keys that it draws at random would go along with the one that is right.
                "--generation-with-security-parameters=false",
                *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
                *("--no-color", "--warnings", "off", "--max-examples", EXAMPLES or "10"),
                *chance,
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.integration.openapi_hooks",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("Traceback", self.role.log)

    def test_answers(self) -> None:
        """It has what is told of a client, and what is told to those without a key."""
        schema = schemathesis.openapi.from_dict(self.described)

        def ask(method: str, path: str, key: str = KEY, **said: Any) -> Any:
            name = dict.fromkeys(("group", "user"), "news") if "{" in path else {}
            case = schema[f"/v1/{path}"][method].Case(
                path_parameters=name, media_type="application/json", **said
            )
            headers = {"Authorization": f"Bearer {key}"}
            return case.call_and_validate(base_url=self.url, headers=headers).json()

        with connect(self.ws) as client:
            worker, number = (word.split(":")[1] for word in str(client.recv(10)).split()[:2])
            to = {"to": {"connection": f"{worker}:{number}"}}
            for verb in ("groups/{group}/join", "users/{user}/bind"):
                self.assertEqual(ask("POST", verb, body=to)["done"], 1)
            for who in ("groups/{group}", "users/{user}"):
                self.assertEqual(ask("GET", who)["connections"], list(to["to"].values()))
            self.assertEqual(ask("GET", "info")["connections"], 1)
            publish = {**to, "content": "x", "receipt": True}
            self.assertEqual(ask("POST", "publish", body=publish)["written"], 1)
            self.assertEqual(ask("POST", "close", body=to)["done"], 1)
        eventually(lambda: ask("GET", "info")["connections"] == 0, "it is gone")
        self.assertEqual(ask("POST", "publish", body=publish)["status"], 404)
        self.assertEqual(ask("POST", "batch", body=[publish])[0]["status"], 404)
        self.assertEqual(ask("GET", "info", "another key")["status"], 401)
