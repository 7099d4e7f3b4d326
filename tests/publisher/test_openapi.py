"""The description of the JSON API, beside the code that it describes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.publisher.client import Answer, SiteTestCase, head
from tpush.access import KeyRing
from tpush.message import MAX_TARGETS
from tpush.publisher.errors import BadRequest
from tpush.publisher.guard import Guard
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1 import closing, order
from tpush.publisher.v1.batch import read_batch
from tpush.publisher.v1.closing import read_close
from tpush.publisher.v1.fields import WHOM, read_except, read_to
from tpush.publisher.v1.openapi.answers import NOBODY
from tpush.publisher.v1.openapi.document import DOCUMENT
from tpush.publisher.v1.openapi.requests import TARGETS
from tpush.publisher.v1.order import read_order
from tpush.publisher.v1.problem import NAMES, TYPE
from tpush.publisher.v1.target import READERS, read_target
from tpush.receipt import Counts, Receipt

PATHS = DOCUMENT["paths"]
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ALL = {"broadcast": True}


def operations() -> Iterator[tuple[str, str, Any]]:
    """Yield path, method and what is described there."""
    for path, methods in PATHS.items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def inside(value: Any) -> Iterator[Any]:
    """Yield a value and all that is in it."""
    yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list | tuple):
            yield from inside(each)


class DocumentTests(SiteTestCase):
    """What it says, the code does."""

    def ask(self, method: str, path: str, kind: str = "", said: bytes = b"") -> Answer:
        """Send one request; where it waits for workers they tell."""
        fields = [f"Content-Type: {kind}".encode()] if kind else []
        length = b"Content-Length: %d" % len(said)
        start = f"{method} {path.replace('{', '').replace('}', '')}".encode()
        self.client.send(head(start, length, *fields) + said)
        for receipt in self.channel.receipts:
            receipt.callback(Receipt(Counts(1), 1, 0))
        self.channel.receipts.clear()
        [answer] = self.client.answers()
        return answer

    def test_methods(self) -> None:
        """At each path its methods are taken, and no others."""
        for path, described in PATHS.items():
            allowed = ", ".join(described).upper()
            for method in METHODS:
                answer = self.ask(method, path)
                if method in allowed:
                    self.assertNotIn(answer.status, (404, 405), path)
                else:
                    self.assertEqual(answer.status, 405, path)
                    self.assertEqual(answer.headers[b"allow"].decode(), allowed)

    def test_paths(self) -> None:
        """It has all that there is."""
        root = self.site.resource.children[b"v1"]
        paths = set()
        for name, resource in root.children.items():
            one = resource.getChild(b"x", PublisherRequest)
            verbs = one.children if name in {b"groups", b"users"} else {}
            below = f"/{{{name.decode()[:-1]}}}" if verbs else ""
            for verb in (b"", *verbs):
                paths.add(f"/v1/{name.decode()}{below}/{verb.decode()}".rstrip("/"))
        self.assertEqual(paths, set(PATHS))

    def test_examples(self) -> None:
        """What it shows works."""
        shown = 0
        for path, method, operation in operations():
            for kind, body in operation.get("requestBody", {"content": {}})["content"].items():
                examples = body.get("examples") or {"one": {"value": body["example"]}}
                for example in examples.values():
                    values = example["value"] if kind.endswith("x-ndjson") else [example["value"]]
                    said = "\n".join(map(json.dumps, values)).encode()
                    answer = self.ask(method, path, kind, said)
                    self.assertEqual((answer.status, answer.body.count(b'"status"')), (200, 0))
                    self.assertIn(
                        answer.headers[b"content-type"].decode(),
                        operation["responses"]["200"]["content"],
                    )
                    shown += 1
        self.assertGreater(shown, 10)

    def test_fields(self) -> None:
        """It has the fields that are read."""
        for name, fields in (
            ("Publish", order.FIELDS),
            ("Close", closing.FIELDS),
            ("Change", WHOM),
        ):
            self.assertEqual(set(SCHEMAS[name]["properties"]), fields)
        targets = [next(iter(SCHEMAS[name]["properties"])) for name in TARGETS]
        self.assertEqual(targets, list(READERS))

    def test_problems(self) -> None:
        """It has each problem by its type and its status."""
        described = {
            (each["type"]["const"].removeprefix(TYPE), each["status"]["const"])
            for each in inside(SCHEMAS)
            if isinstance(each, dict) and {"type", "status", "detail"} <= each.keys()
        }
        known = {(name, status) for status, name in NAMES.items()} | {(NOBODY, 404)}
        self.assertEqual(described, known)

    def test_bounds(self) -> None:
        """At each bound it is taken, and beyond it no more."""
        publish, close = SCHEMAS["Publish"]["properties"], SCHEMAS["Close"]["properties"]
        code = close["code"]["oneOf"][1]
        batch = PATHS["/v1/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        but = publish["except"]["oneOf"][0]["maxItems"]
        self.assertEqual(but + 1, MAX_TARGETS)
        bounds: list[tuple[int, Callable[[int], object]]] = [
            (SCHEMAS["Group"]["maxLength"], lambda n: read_target("to", {"group": "g" * n})),
            (SCHEMAS["User"]["maxLength"], lambda n: read_target("to", {"user": "u" * n})),
            (publish["key"]["maxLength"],
             lambda n: read_order({"to": ALL, "data": 1, "key": "k" * n})),
            (SCHEMAS["Targets"]["maxItems"], lambda n: read_to({"to": [ALL] * n})),
            (SCHEMAS["Targets"]["maxItems"], lambda n: read_except({"except": [ALL] * n})),
            (code["maximum"], lambda n: read_close({"code": n})),
            (-code["minimum"], lambda n: read_close({"code": -n})),
            (close["reason"]["maxLength"], lambda n: read_close({"reason": "r" * n})),
            (batch["maxItems"], lambda n: read_batch(json.dumps([1] * n).encode(), lines=False)),
        ]  # fmt: skip
        for bound, read in bounds:
            read(bound)
            self.assertRaises(BadRequest, read, bound + 1)

    def test_limits(self) -> None:
        """The same of what is in a URL."""
        for path, parameter in (("/v1/groups/x", "group"), ("/v1/users/x", "user")):
            most = SCHEMAS[parameter.title()]["maxLength"]
            self.assertEqual(self.ask("GET", path[:-1] + "x" * most).status, 200)
            self.assertEqual(self.ask("GET", path[:-1] + "x" * (most + 1)).status, 404)
            limit = PATHS[f"{path[:-1]}{{{parameter}}}"]["get"]["parameters"][1]["schema"]
            for asked, status in (("maximum", 200), ("minimum", 200), ("default", 200)):
                self.assertEqual(self.ask("GET", f"{path}?limit={limit[asked]}").status, status)
            self.assertEqual(self.ask("GET", f"{path}?limit={limit['maximum'] + 1}").status, 400)

    def test_references(self) -> None:
        """Each part that is named is there, and each that is there is named."""
        named = {each["$ref"] for each in inside(DOCUMENT) if "$ref" in each}
        parts = DOCUMENT["components"]
        there = {
            f"#/components/{kind}/{name}"
            for kind in ("schemas", "responses")
            for name in parts[kind]
        }
        self.assertEqual(named, there)


class ServedTests(SiteTestCase):
    """Where the rest asks for a key."""

    @override
    def guard(self) -> Guard:
        path = Path(self.mktemp())
        path.touch(mode=0o600)
        path.write_text("a key that nobody has")
        return Guard(KeyRing(str(path)))

    def test_served(self) -> None:
        """It is for everyone, and is no publish."""
        answer = self.client.get(b"/v1/openapi.json")
        self.assertEqual((answer.status, json.loads(answer.body)), (200, DOCUMENT))
        self.assertEqual(answer.headers[b"content-type"], b"application/json")
        self.assertEqual(self.client.get(b"/v1/info").status, 401)
        self.assertEqual(self.channel.published, [])
