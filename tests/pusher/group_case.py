"""What the tests of clients that join groups have in common."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.pusher.client import Client
from tpush.access import Origins
from tpush.limits import Limits
from tpush.message import Message, WorkerID
from tpush.pusher.admission import Admission, Auth
from tpush.pusher.factory import PusherFactory
from tpush.pusher.groups import Exchange
from tpush.pusher.rights import Right, Rights
from tpush.pusher.telling import NOBODY, Telling
from tpush.recalled import Place, Recalled
from tpush.tokens import TokenKeys

SECRET = "a secret of at least thirty-two bytes"
OPEN = Rights(Right.OPEN, Right.OPEN)


class GroupCase(SynchronousTestCase):
    """Has a factory, and notes what the channel is asked for."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.subscribed: list[str] = []
        self.published: list[tuple[str, str | bytes, bool]] = []
        """Event, content, and whether it is JSON."""
        self.error: Exception | None = None
        self.start(OPEN)

    def start(
        self,
        rights: Rights,
        auth: Auth = Auth.NONE,
        presence: Sequence[str] = (),
        telling: Telling = NOBODY,
        **limits: Any,
    ) -> None:
        keys = None
        if auth is not Auth.NONE:
            secret = Path(self.mktemp())
            secret.write_text(SECRET)
            secret.chmod(0o600)
            keys = TokenKeys(str(secret))
        self.factory = PusherFactory(
            WorkerID(7),
            self.clock,
            replace(Limits(ping_interval=0), **limits),
            Admission(Origins(), auth, keys, rights),
            exchange=Exchange(self.subscribe, self.subscribed.remove, self.publish, self.recall),
            telling=telling,
            presence=presence,
        )

    def subscribe(self, event: str) -> None:
        if self.error is not None:
            raise self.error
        self.subscribed.append(event)

    def publish(self, event: str, content: str | bytes, *, json: bool) -> None:
        if self.error is not None:
            raise self.error
        self.published.append((event, content, json))

    def client(self, *groups: str, protocols: str = "", **claims: Any) -> Client:
        query = [f"group={group}" for group in groups]
        if claims:
            query.append(f"token={jwt.encode(claims, SECRET, 'HS256')}")
        path = "/?" + "&".join(query) if query else "/"
        headers = [b"Sec-WebSocket-Protocol: " + protocols.encode()] if protocols else []
        return Client(self.factory).open(path=path.encode(), headers=headers)

    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        """Be told what the channel has of groups; it has nothing."""
        return succeed([Recalled()] * len(places))

    def send(self, event: str, data: str) -> None:
        self.factory.fanout.send(Message(event, data.encode()))
        self.clock.advance(0)
