"""Clients that lose their connection are given what they missed, with real processes.

By default a few; TPUSH_TEST_RECONNECTS=200 is more.
"""

import asyncio
import os
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.phone import Phone
from tests.integration.processes import PATIENT, SETTLING, Cluster, tell

RECONNECTS = int(os.environ.get("TPUSH_TEST_RECONNECTS", "60"))
GROUPS = 4
PHONES = 5
"""Of each group."""

BATCH = 10
PAUSE = 0.05
"""Seconds between two batches."""


class RecoveryTests(SynchronousTestCase):
    """Two hosts with two workers each, and two publishers."""

    @override
    def setUp(self) -> None:
        self.cluster = Cluster(
            pushers=2,
            workers=2,
            publishers=2,
            channel_options=["--history", "room-*=10000/600", "--history-size", "2", *SETTLING],
            pusher_options=["--client-join=open"],
            publisher_options=PATIENT,
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()
        self.random = random.Random(1)
        self.sessions = [requests.Session() for _ in self.cluster.http_urls]
        for session in self.sessions:
            self.addCleanup(session.close)
        self.published: dict[str, list[int]] = {}
        self.count = 0
        self.over = False

    def test_recovery(self) -> None:
        """Over all of it none is lost, and none comes twice, unless a client is told so."""
        asyncio.run(self.run_world())

    async def run_world(self) -> None:
        rooms = [f"room-{number}" for number in range(GROUPS)]
        phones = [Phone(self.cluster.ws_urls, room) for room in rooms for _ in range(PHONES)]
        await asyncio.gather(*(phone.come() for phone in phones))
        publishing = asyncio.create_task(self.publish(rooms))
        steady, restless = (
            phones[::PHONES],
            [phone for number, phone in enumerate(phones) if number % PHONES],
        )
        try:
            await self.reconnect(restless)
            self.check_complete(phones, told=0)
            await asyncio.to_thread(self.restart_channel)
            await self.reconnect(restless)
        finally:
            self.over = True
            await publishing
        await self.settle(phones)
        for phone in phones:
            self.check_runs(phone)
        self.assertEqual([len(phone.runs) for phone in steady], [1] * GROUPS)
        self.check_complete(steady, told=0)
        self.check_complete(phones, told=1)
        recovered = sum(phone.recovered for phone in phones)
        told = sum(len(phone.runs) - 1 for phone in phones)
        tell(f"{recovered} of {2 * RECONNECTS} reconnects recovered, {told} were told that not")
        self.assertGreaterEqual(recovered, 2 * RECONNECTS - len(restless))

    async def reconnect(self, phones: Sequence[Phone]) -> None:
        """Have phones go and come back, several of them at once."""
        at_once = 5
        for start in range(0, RECONNECTS, at_once):
            some = [phones[(start + number) % len(phones)] for number in range(at_once)]
            await asyncio.gather(*(phone.go() for phone in some))
            await asyncio.sleep(PAUSE * 2 * self.random.random())
            await asyncio.gather(*(phone.come() for phone in some))

    async def publish(self, rooms: Sequence[str]) -> None:
        while not self.over:
            numbers = range(self.count + 1, self.count + 1 + BATCH)
            self.count += BATCH
            chosen = [(self.random.choice(rooms), number) for number in numbers]
            orders = [{"to": {"group": room}, "data": number} for room, number in chosen]
            await asyncio.to_thread(self.post, orders)
            for room, number in chosen:
                self.published.setdefault(room, []).append(number)
            await asyncio.sleep(PAUSE)

    def post(self, orders: list[dict[str, Any]]) -> None:
        which = self.random.randrange(2)
        url = f"{self.cluster.http_urls[which]}v1/batch"
        answer = self.sessions[which].post(url, json=orders, timeout=30)
        self.assertEqual(answer.status_code, 200, answer.text)

    def restart_channel(self) -> None:
        self.cluster.channel.kill()
        self.cluster.channel.start()
        for pusher in self.cluster.pushers:
            pusher.wait_for("reconnected to the channel", 2)

    async def settle(self, phones: Sequence[Phone]) -> None:
        """Wait until all have the last message of their room."""
        last = {room: numbers[-1] for room, numbers in self.published.items()}
        for phone in phones:
            await phone.has(last[phone.group])

    def check_runs(self, phone: Phone) -> None:
        """Check that a run has no gap and no double."""
        self.assertEqual(phone.wrong, [])
        for run in phone.runs:
            numbers = [message["data"] for message in run]
            self.assertEqual(len(set(numbers)), len(numbers), "one came twice")
            # What a channel is given once more, after the death of another, has no place.
            for before, after in pairwise(each for each in run if "offset" in each):
                if before["epoch"] == after["epoch"]:
                    self.assertGreater(after["offset"], before["offset"])

    def check_complete(self, phones: Sequence[Phone], told: int) -> None:
        """Check that a phone has all that was published, unless it was told that it may not."""
        for phone in phones:
            self.assertLessEqual(len(phone.runs), 1 + told)
            if len(phone.runs) > 1:
                continue
            got = {message["data"] for message in phone.runs[0]}
            missing = [each for each in self.published.get(phone.group, []) if each not in got]
            # Those of the last batch may be on their way.
            self.assertEqual([each for each in missing if each <= self.count - 2 * BATCH], [])
