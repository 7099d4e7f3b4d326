"""A publisher that publishes nothing: it answers as it is told, and has what it was sent."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tpush.http.errors import NotReachable
from tpush.http.outcome import Answer
from tpush.http.request import Request

Fault = Callable[["FakeServer", Request], Answer]
"""Answers a request in its own way."""

ACCEPTED = {"accepted": True}
DONE = {"matched": 3, "done": 2, "refused": 1, "workers": 2}
MEMBERS = {"count": 2, "connections": ["7:1"], "workers": 1}
RECEIPT = {"matched": 3, "written": 1, "dropped": 1, "pending": 1, "workers": 2}


def problem(status: int, name: str = "try-later", **more: object) -> dict[str, Any]:
    """Return a problem as a publisher has it."""
    return {"type": f"urn:tpush:problem:{name}", "status": status, "detail": "so it is", **more}


def answer(status: int, said: object, retry_after: str = "") -> Answer:
    """Return an answer with that body."""
    return Answer(status, json.dumps(said).encode(), retry_after)


class FakeServer:
    """Accepts what it is sent, once for each key.

    Args:
        faults: how the first requests are answered instead, in their order.
    """

    def __init__(self, *faults: Fault) -> None:
        self._faults = list(faults)
        self.requests: list[Request] = []
        self.published: list[dict[str, Any]] = []

    def take(self, request: Request) -> Answer:
        """Answer a request.

        Raises:
            NotReachable: a fault has it so.
        """
        self.requests.append(request)
        return self._faults.pop(0)(self, request) if self._faults else self.accept(request)

    def accept(self, request: Request) -> Answer:
        """Publish all of it, do what is asked, or tell."""
        if not request.body:
            return answer(200, MEMBERS)
        said = json.loads(request.body)
        if not request.path.endswith(("publish", "batch")):
            return answer(200, DONE)
        if isinstance(said, list):
            return answer(200, [self.publish(each) for each in said])
        return answer(200, self.publish(said))

    def publish(self, said: dict[str, Any]) -> dict[str, Any]:
        """Publish, unless that key was here."""
        key = said.get("key")
        if key is None or key not in [each.get("key") for each in self.published]:
            self.published.append(said)
        return RECEIPT if said.get("receipt") else ACCEPTED

    @property
    def keys(self) -> Sequence[Sequence[str]]:
        """The keys of each request."""
        said = [json.loads(request.body) for request in self.requests]
        return [[each.get("key", "") for each in s] if isinstance(s, list) else [s.get("key", "")]
                for s in said]  # fmt: skip


def unreachable(server: FakeServer, request: Request) -> Answer:
    """Be a fault: the request does not arrive.

    Raises:
        NotReachable: always.
    """
    raise NotReachable("nobody is there")


def lost(server: FakeServer, request: Request) -> Answer:
    """Be a fault: it is published, and the answer does not arrive.

    Raises:
        NotReachable: always.
    """
    server.accept(request)
    raise NotReachable("the answer was lost")


def busy(retry_after: str = "") -> Fault:
    """Return a fault: 503."""
    return lambda server, request: answer(503, problem(503), retry_after)


def refusing(status: int, said: object) -> Fault:
    """Return a fault: that answer."""
    return lambda server, request: answer(status, said)


def in_part(*refused: int) -> Fault:
    """Return a fault: of a batch, those at these places come too early."""

    def take(server: FakeServer, request: Request) -> Answer:
        said = [
            problem(503) if place in refused else server.publish(each)
            for place, each in enumerate(json.loads(request.body))
        ]
        return answer(200, said)

    return take
