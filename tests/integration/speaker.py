"""A client of tpush.v1 that costs little, and knows in which groups it is."""

import asyncio
import json
from collections import Counter
from enum import Enum
from itertools import count
from typing import Any

from typing_extensions import override

from tests.integration.members import Member
from tests.pusher.websocket import TEXT, client_frame, handshake


class Where(Enum):
    """Whether a client gets what is published to a group or a user."""

    IN = "in"
    OUT = "out"
    CHANGING = "changing"
    """It was asked for, and is not acknowledged; or was not there before."""


class Speaker(Member):
    """One client.

    Args:
        token: says who it is.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        self.contents: Counter[Any] = Counter()
        """How often it got each."""
        self._token = token
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = count(1)

    @override
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        offered = b"Sec-WebSocket-Protocol: tpush.v1, tpush.token." + self._token.encode()
        transport.write(handshake(headers=[offered]))

    async def ask(self, kind: str, group: str) -> None:
        """Ask for something, and wait until it is acknowledged.

        Raises:
            ConnectionError: the connection ends before.
        """
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        said = json.dumps({"type": kind, "id": number, "group": group})
        self._transport.write(client_frame(TEXT, said.encode()))
        answered = await asyncio.wait_for(answer, 30)
        assert answered["type"] == f"{kind}d", answered

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for answer in self._asked.values():
            answer.set_exception(ConnectionError("gone"))
            answer.exception()
        self._asked.clear()

    @override
    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode != TEXT or not self.greeting:
            super()._take(opcode, payload)
            return
        said = json.loads(payload)
        if said["type"] == "message":
            self.contents[said["data"]] += 1
        elif "id" in said:
            self._asked.pop(said["id"]).set_result(said)


class Person:
    """One of the connections of a user, which comes and goes.

    Args:
        user: whose.
        url: host and port.
        token: says who it is.
    """

    def __init__(self, user: str, url: tuple[str, int], token: str) -> None:
        self.user = user
        self._url = url
        self._token = token
        self._speaker: Speaker | None = None
        self._groups: dict[str, tuple[Where, int]] = {}
        self._changes = count(1)
        self.contents: Counter[Any] = Counter()
        """What all of its connections got."""
        self._there: tuple[Where, int] = Where.OUT, 0

    @property
    def groups(self) -> list[str]:
        """Those that it is in, for all that it knows."""
        return [group for group, (where, _) in self._groups.items() if where is Where.IN]

    def state(self, kind: str, name: str) -> tuple[Where, int]:
        """Return whether it gets what is for a group or a user, and a number that changes."""
        if self._there[0] is not Where.IN:
            return self._there
        if kind == "user":
            return self._there if name == self.user else (Where.OUT, 0)
        # With the number of this connection: over another one it may have been in it since.
        return self._groups.get(name, (Where.OUT, self._there[1]))

    async def come(self, groups: list[str]) -> None:
        """Connect, and join."""
        self._there = Where.CHANGING, next(self._changes)
        loop, (host, port) = asyncio.get_running_loop(), self._url
        _, speaker = await loop.create_connection(lambda: Speaker(self._token), host, port)
        self._speaker = speaker
        await asyncio.wait_for(speaker.greeted, 30)
        self._groups = dict.fromkeys(groups, (Where.CHANGING, 0))
        for group in groups:
            await self._change("subscribe", group, Where.IN)
        self._there = Where.IN, next(self._changes)

    async def go(self) -> None:
        """Be gone, as a phone that has lost its network."""
        self._there = Where.CHANGING, next(self._changes)
        assert self._speaker is not None
        self._speaker.leave()
        await self._speaker.gone
        self.contents += self._speaker.contents
        self._speaker = None

    async def join(self, group: str) -> None:
        """Join a group."""
        await self._change("subscribe", group, Where.IN)

    async def leave(self, group: str) -> None:
        """Leave it."""
        await self._change("unsubscribe", group, Where.OUT)

    async def _change(self, kind: str, group: str, to: Where) -> None:
        assert self._speaker is not None
        self._groups[group] = Where.CHANGING, next(self._changes)
        await self._speaker.ask(kind, group)
        self._groups[group] = to, next(self._changes)
