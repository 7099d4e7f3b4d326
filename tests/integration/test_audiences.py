"""Messages to groups and users reach their members, while those come and go.

By default a small world; TPUSH_TEST_USERS, TPUSH_TEST_GROUPS and TPUSH_TEST_MESSAGES make it
larger.
"""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.processes import PATIENT, Cluster, tell
from tests.integration.speaker import Person, Where

USERS = int(os.environ.get("TPUSH_TEST_USERS", "50"))
GROUPS = int(os.environ.get("TPUSH_TEST_GROUPS", "20"))
MESSAGES = int(os.environ.get("TPUSH_TEST_MESSAGES", "600"))
DEVICES = 3
"""Connections of a user."""

CHANGES = 200
"""Of members, in a second, on average."""

IN_A_BATCH = 20
JOINED = 4
"""Groups that a connection joins when it comes."""

SECRET = "a secret of at least thirty-two bytes"
SEED = 5

Snapshot = list[tuple[Where, int]]


class AudienceTests(SynchronousTestCase):
    """Two hosts with two workers each, and two publishers."""

    @override
    def setUp(self) -> None:
        secret = Path(self.mktemp()).absolute()
        secret.write_text(SECRET)
        secret.chmod(0o600)
        self.cluster = Cluster(
            pushers=2,
            workers=2,
            publishers=2,
            publisher_options=PATIENT,
            pusher_options=[
                f"--token-secret-file={secret}",
                "--auth=optional",
                "--client-join=open",
            ],
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.random = random.Random(SEED)
        self.sessions = [requests.Session() for _ in self.cluster.http_urls]
        for session in self.sessions:
            self.addCleanup(session.close)
        self.must = self.may = 0
        self.over = False

    def test_members(self) -> None:
        """Whoever is in a group while a message is accepted gets it once, and nobody else."""
        asyncio.run(self.run_world())
        tell(f"{MESSAGES} messages: {self.must} had to arrive, {self.may} might have")
        self.assertGreater(self.must, MESSAGES)

    async def run_world(self) -> None:
        places = list(zip(self.cluster.pusher_hosts, self.cluster.pusher_ports, strict=True))
        people = [
            Person(user, places[number % 2], jwt.encode({"sub": user}, SECRET, "HS256"))
            for user in (f"user-{number}" for number in range(USERS))
            for number in range(DEVICES)
        ]
        for start in range(0, len(people), 100):
            await asyncio.gather(*(self.come(each) for each in people[start : start + 100]))
        restless = [asyncio.create_task(self.live(each)) for each in people[::DEVICES]]
        began = time.monotonic()
        try:
            expected = await self.publish(people)
        finally:
            self.over = True
            await asyncio.gather(*restless)
        tell(f"published in {time.monotonic() - began:.1f} s")
        await asyncio.gather(*(each.go() for each in people))
        self.check(people, expected)

    async def come(self, person: Person) -> None:
        names = self.random.sample(range(GROUPS), JOINED)
        await person.come([f"group-{name}" for name in names])

    async def live(self, person: Person) -> None:
        """Join and leave groups, go and come back, until all is over."""
        while not self.over:
            await asyncio.sleep(2 * self.random.random() * USERS / CHANGES)
            await self.change(person)

    async def change(self, person: Person) -> None:
        if self.random.random() < 0.2:
            await person.go()
            await self.come(person)
        elif person.groups and self.random.random() < 0.5:
            await person.leave(self.random.choice(person.groups))
        else:
            await person.join(f"group-{self.random.randrange(GROUPS)}")

    async def publish(self, people: Sequence[Person]) -> list[tuple[Snapshot, Snapshot, int]]:
        """Publish; return of each message who was where before and after, and what was matched."""
        expected: list[tuple[Snapshot, Snapshot, int]] = []
        for start in range(0, MESSAGES, IN_A_BATCH):
            targets = [self.target() for _ in range(IN_A_BATCH)]
            orders = [
                {"to": {kind: name}, "data": start + place, "receipt": True}
                for place, (kind, name) in enumerate(targets)
            ]
            before = [[person.state(*target) for person in people] for target in targets]
            answers = await asyncio.to_thread(self.post, orders)
            after = [[person.state(*target) for person in people] for target in targets]
            self.assertEqual([each for each in answers if "matched" not in each], [])
            matched = [answer["matched"] for answer in answers]
            expected += zip(before, after, matched, strict=True)
        return expected

    def target(self) -> tuple[str, str]:
        if self.random.random() < 0.3:
            return "user", f"user-{self.random.randrange(USERS)}"
        return "group", f"group-{self.random.randrange(GROUPS)}"

    def post(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        which = self.random.randrange(2)
        url = f"{self.cluster.http_urls[which]}v1/batch"
        answer = self.sessions[which].post(url, json=orders, timeout=30)
        self.assertEqual(answer.status_code, 200, answer.text)
        return list(answer.json())

    def check(
        self, people: Sequence[Person], expected: list[tuple[Snapshot, Snapshot, int]]
    ) -> None:
        for number, (before, after, matched) in enumerate(expected):
            got = [person.contents[number] for person in people]
            self.assertLessEqual(max(got), 1, f"message {number} came twice")
            must = may = 0
            for person, first, last, times in zip(people, before, after, got, strict=True):
                if first != last or first[0] is Where.CHANGING:
                    may += 1
                    continue
                must += first[0] is Where.IN
                self.assertEqual(
                    times, int(first[0] is Where.IN), f"message {number} at {person.user}, {first}"
                )
            self.assertTrue(must <= matched <= must + may, (number, must, matched, may))
            self.must += must
            self.may += may
