"""Many WebSocket clients at once, on the `websockets` package, with a check of what each got."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

GREETING = re.compile(r"\AworkerID:(\d+) connectionID:(\d+) connected\n\Z")


class Listener:
    """One client: its address, and all that it got."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.address = (0, 0)
        self.got: list[str] = []
        self.arrived: list[float] = []
        self.closed: int | None = None
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def latencies(self) -> list[float]:
        """Seconds that each message was on its way, where it begins with when it was sent."""
        sent = (float(message.partition(":")[0]) for message in self.got)
        return [at - begun for at, begun in zip(self.arrived, sent, strict=True)]

    async def open(self) -> None:
        """Connect, and take the greeting."""
        self._connection = await connect(self.url, ping_interval=None, open_timeout=30)
        greeting = await asyncio.wait_for(self._connection.recv(), 30)
        match = GREETING.match(str(greeting))
        assert match, greeting
        self.address = int(match.group(1)), int(match.group(2))
        self._task = asyncio.create_task(self._listen(self._connection))

    async def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            await self._connection.close()
        if self._task is not None:
            await self._task

    async def _listen(self, connection: ClientConnection) -> None:
        try:
            while True:
                self.got.append(str(await connection.recv()))
                self.arrived.append(time.monotonic())
        except ConnectionClosed as closed:
            self.closed = closed.rcvd.code if closed.rcvd else 1006


async def open_all(urls: Sequence[str], count: int, at_once: int = 50) -> list[Listener]:
    """Connect that many clients, spread over *urls*."""
    listeners = [Listener(urls[number % len(urls)]) for number in range(count)]
    for start in range(0, count, at_once):
        await asyncio.gather(*(each.open() for each in listeners[start : start + at_once]))
    return listeners


async def close_all(listeners: Sequence[Listener]) -> None:
    """Disconnect all."""
    await asyncio.gather(*(listener.close() for listener in listeners))


async def settled(listeners: Sequence[Listener], count: int, deadline: float) -> None:
    """Wait until each has got *count* messages; what is missing is left to be found."""
    until = asyncio.get_running_loop().time() + deadline
    while asyncio.get_running_loop().time() < until:
        if all(len(listener.got) >= count for listener in listeners):
            return
        await asyncio.sleep(0.05)


def by_publisher(messages: Sequence[str]) -> dict[str, list[int]]:
    """Sort messages such as ``a:17`` by their publisher."""
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        publisher, _, number = message.partition(":")
        found[publisher].append(int(number))
    return found
