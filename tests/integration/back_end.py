"""A back end that publishes without end, and knows what was accepted."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import requests
from typing_extensions import override


class BackEnd(threading.Thread):
    """Publishes numbered messages to one publisher until it is told to stop.

    Args:
        name: what its messages begin with.
        url: the publisher.
        rate: messages a second.
    """

    def __init__(self, name: str, url: str, rate: float) -> None:
        super().__init__(name=name, daemon=True)
        self.url = url
        self.accepted: list[int] = []
        self.refused: list[str] = []
        self._pause = 1 / rate
        self._ended = threading.Event()
        self._number = 0

    @override
    def run(self) -> None:
        with requests.Session() as session:
            while not self._ended.wait(self._pause):
                self._number += 1
                self.publish(session, self._number)

    def publish(self, session: requests.Session, number: int) -> None:
        """Publish one message, and note what became of it."""
        answer = session.get(self.url, params={"content": f"{self.name}:{number}"}, timeout=30)
        if answer.text == "ok":
            self.accepted.append(number)
        else:
            self.refused.append(answer.text)

    def stop(self) -> None:
        """Publish no more."""
        self._ended.set()
        self.join(60)


class BackEndOfOneThatDies(BackEnd):
    """Publishes to a publisher that is killed now and then."""

    @override
    def publish(self, session: requests.Session, number: int) -> None:
        try:
            super().publish(session, number)
        except requests.RequestException:
            self.refused.append("no answer")


@dataclass(frozen=True)
class Told:
    """What a back end was told of one message."""

    content: str
    address: tuple[int, int]
    status: int
    receipt: dict[str, Any]


class BackEndWithReceipts(BackEnd):
    """Publishes to one connection after another, and asks for a receipt of each.

    Args:
        name: what its messages begin with.
        url: the publisher.
        rate: messages a second.
        addresses: returns those that there are at the moment.
        chance: chooses among them.
    """

    def __init__(
        self,
        name: str,
        url: str,
        rate: float,
        addresses: Callable[[], list[tuple[int, int]]],
        chance: Random,
    ) -> None:
        super().__init__(name, url, rate)
        self.told: list[Told] = []
        self._addresses = addresses
        self._chance = chance

    @override
    def publish(self, session: requests.Session, number: int) -> None:
        content, address = f"{self.name}:{number}", self._chance.choice(self._addresses())
        fields = {
            "content": content,
            "to_worker_id": str(address[0]),
            "to_connection_id": str(address[1]),
            "receipt": "1",
        }
        answer = session.get(self.url, params=fields, timeout=30)
        self.told.append(Told(content, address, answer.status_code, answer.json()))
