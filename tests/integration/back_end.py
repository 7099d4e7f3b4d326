"""A back end that publishes without end, and knows what was accepted."""

import threading

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
                content = {"content": f"{self.name}:{self._number}"}
                answer = session.get(self.url, params=content, timeout=30)
                if answer.text == "ok":
                    self.accepted.append(self._number)
                else:
                    self.refused.append(answer.text)

    def stop(self) -> None:
        """Publish no more."""
        self._ended.set()
        self.join(60)
