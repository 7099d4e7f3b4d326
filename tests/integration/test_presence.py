"""Who comes and goes, as clients and back ends are told, with real processes."""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.hooks.keys import secret_file
from tests.integration.hook_server import HookServer
from tests.integration.processes import Cluster, eventually, kill

WAIT = 20
ROOM = "room-1"


class PresenceTests(SynchronousTestCase):
    """Two hosts with a worker each, and a back end."""

    @override
    def setUp(self) -> None:
        self.hook = HookServer()
        self.addCleanup(self.hook.stop)
        self.cluster = Cluster(
            pushers=2,
            channel_options=["--linger", "0.5"],
            pusher_options=[
                "--client-join=open",
                "--presence=room-*",
                f"--webhook={self.hook.url}/events",
                f"--webhook-secret-file={secret_file(self)}",
            ],
        )
        self.addCleanup(self.cluster.stop)
        self.cluster.wait_until_ready()

    def client(self, host: int) -> tuple[ClientConnection, str]:
        """Return a client of a host, and its address."""
        url = self.cluster.ws_urls[host]
        client = connect(url, subprotocols=[Subprotocol("tpush.v1")], open_timeout=WAIT)
        self.addCleanup(client.close)
        return client, self.take(client)["address"]

    def take(self, client: ClientConnection) -> dict[str, Any]:
        return dict(json.loads(client.recv(WAIT)))

    def join(self, client: ClientConnection, **more: Any) -> None:
        client.send(json.dumps({"type": "subscribe", "group": ROOM, **more}))

    def told(self, client: ClientConnection) -> dict[str, Any]:
        said = self.take(client)
        self.assertEqual((said["type"], said["group"]), ("presence", ROOM))
        return dict(said["data"])

    def until_told(self, *kinds: str) -> None:
        expected = [(kind, ROOM) for kind in kinds]
        eventually(lambda: self.hook.occupancy == expected, f"{kinds} were told", WAIT)

    def test_presence(self) -> None:
        """Members of other hosts come, leave, and are gone with their worker."""
        watcher, own = self.client(0)
        self.join(watcher, presence=True)
        said = [self.take(watcher), self.take(watcher)]
        joined = {"event": "join", "address": own, "user": None}
        self.assertIn({"type": "subscribed", "group": ROOM}, said)
        self.assertIn({"type": "presence", "group": ROOM, "data": joined}, said)
        other, address = self.client(1)
        self.join(other)
        self.assertEqual(self.told(watcher), {**joined, "address": address})
        other.close()
        left = {**joined, "event": "leave", "address": address}
        self.assertEqual(self.told(watcher), left)
        last, address = self.client(1)
        self.join(last)
        self.assertEqual(self.told(watcher), {**joined, "address": address})
        self.until_told("occupied")  # by whichever worker: it could die with it
        kill(self.cluster.pushers[1].process.pid)
        worker = int(address.partition(":")[0])
        self.assertEqual(self.told(watcher), {"event": "gone", "worker": worker})
        watcher.close()
        self.until_told("occupied", "vacated")
