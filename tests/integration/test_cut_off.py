"""A worker that was cut off for too long says so to its clients, with real processes."""

import asyncio

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.integration.phone import WAIT, Phone
from tests.integration.processes import PATIENT, Cluster, Role, eventually, healthy
from tests.integration.proxy import Proxy
from tests.ports import free_port

ROOM = "room"


class CutOffTests(SynchronousTestCase):
    """A pusher whose way to the channel is cut, and a publisher whose way is not."""

    @override
    def setUp(self) -> None:
        self.proxy_port = free_port()
        self.cluster = Cluster(
            publishers=0,
            channel_options=["--linger=0.2", "--history=room=100/600"],
            pusher_options=["--client-join=open"],
            channel_seen_at=self.proxy_port,
        )
        self.addCleanup(self.cluster.stop)
        channel, port = self.cluster.channel_port, free_port()
        publisher = Role(
            "tpush-http",
            f"--listen=tcp:{port}:interface=127.0.0.1",
            f"--channel=tcp:127.0.0.1:{channel}",
            *PATIENT,
        )
        self.addCleanup(publisher.stop)
        self.url = f"http://127.0.0.1:{port}/"

    def publish(self, number: int) -> None:
        order = {"to": {"group": ROOM}, "data": number, "receipt": True}
        answer = requests.post(f"{self.url}v1/publish", json=order, timeout=WAIT)
        self.assertIn(answer.status_code, {200, 404}, answer.text)

    def forgotten(self) -> bool:
        answer = requests.get(f"{self.url}v1/info", timeout=WAIT)
        return answer.ok and not answer.json()["workers"]

    def test_missed(self) -> None:
        """Its clients are closed with 4009, come back, and are given what they have missed."""
        asyncio.run(self.cut_off())

    async def cut_off(self) -> None:
        pusher = self.cluster.pushers[0]
        proxy = Proxy(self.cluster.channel_port)
        await proxy.start(self.proxy_port)
        await asyncio.to_thread(pusher.wait_for, "connected to the channel")
        await asyncio.to_thread(eventually, lambda: healthy(self.url), "the publisher is healthy")
        phone = Phone(self.cluster.ws_urls, ROOM)
        await phone.come()
        await asyncio.to_thread(self.publish, 1)
        await proxy.stop()
        await asyncio.to_thread(eventually, self.forgotten, "the channel has given the worker up")
        await asyncio.to_thread(self.publish, 2)
        await proxy.start(self.proxy_port)
        self.assertEqual(await phone.closed(), 4009)
        await asyncio.to_thread(pusher.wait_for, "back too late")
        await phone.come()
        await asyncio.to_thread(self.publish, 3)
        await phone.has(3)
        await phone.go()
        await proxy.stop()
        self.assertEqual([[each["data"] for each in run] for run in phone.runs], [[1, 2, 3]])
        self.assertEqual((phone.recovered, phone.wrong), (1, []))
