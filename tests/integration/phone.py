"""A client of tpush.v1 that loses its connection again and again, and comes back to its group."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

WAIT = 30


class Phone:
    """One of them.

    Args:
        urls: where it connects, in turn.
        group: that it is in.
    """

    def __init__(self, urls: list[str], group: str) -> None:
        self.group = group
        self.runs: list[list[dict[str, Any]]] = []
        """The messages that it got; a run ends where it was told that some may be missing."""
        self.recovered = 0
        """How often it was told that none is."""
        self.wrong: list[dict[str, Any]] = []
        self._urls = urls
        self._turn = 0
        self._since: dict[str, Any] | None = None
        self._connection: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All that it got."""
        return [message for run in self.runs for message in run]

    async def come(self) -> None:
        """Connect, and subscribe; returns when that is acknowledged."""
        self._turn += 1
        url = self._urls[self._turn % len(self._urls)]
        protocols = [Subprotocol("tpush.v1")]
        self._connection = await connect(
            url, subprotocols=protocols, ping_interval=None, open_timeout=WAIT
        )
        since = {} if self._since is None else {"since": self._since}
        said = {"type": "subscribe", "group": self.group, **since}
        await self._connection.send(json.dumps(said))
        subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._listen(self._connection, subscribed))
        await asyncio.wait_for(subscribed, WAIT)

    async def go(self) -> None:
        """Lose the connection, in the middle of whatever comes."""
        assert self._connection is not None
        assert self._task is not None
        self._connection.transport.abort()
        await self._task

    async def closed(self) -> int | None:
        """Return the code with which the connection is closed, when it is."""
        assert self._connection is not None
        await asyncio.wait_for(self._connection.wait_closed(), WAIT)
        return self._connection.close_code

    async def has(self, number: int) -> None:
        """Return when it has that message since it was told last that some may be missing."""
        async with asyncio.timeout(WAIT):
            while all(message["data"] != number for message in self.runs[-1]):
                await asyncio.sleep(0.02)

    async def _listen(
        self, connection: ClientConnection, subscribed: "asyncio.Future[None]"
    ) -> None:
        with suppress(ConnectionClosed):
            async for frame in connection:
                said = json.loads(frame)
                if said["type"] == "subscribed":
                    self._begin(said)
                    subscribed.set_result(None)
                elif said["type"] == "message":
                    self.runs[-1].append(said)
                elif said["type"] != "welcome":
                    self.wrong.append(said)
                if "offset" in said:
                    self._since = {"offset": said["offset"], "epoch": said["epoch"]}

    def _begin(self, said: dict[str, Any]) -> None:
        if said.get("recovered"):
            self.recovered += 1
        else:
            self.runs.append([])
