"""The back ends that a worker calls, in memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import NOT_DONE_YET
from typing_extensions import override

from tests.channel.cluster import Cluster
from tests.hooks.keys import OTHER, SECRET, secret_file, verify, written
from tests.hooks.test_post import BackEnd, status
from tests.pusher.client import Client
from tests.pusher.test_service import FakePort
from tpush.channel.local import LocalBroker
from tpush.hooks.agent import AsSent
from tpush.hooks.keys import SigningKeys
from tpush.hooks.settings import NO_HOOKS, HookSettings
from tpush.interfaces import IChannel
from tpush.limits import Limits
from tpush.message import ConnectionID, group_event
from tpush.pusher.service import PusherService
from tpush.pusher.telling import NOBODY


class HooksTests(SynchronousTestCase):
    """A worker with a back end beside it."""

    @override
    def setUp(self) -> None:
        self.clock: Clock = Clock()
        self.back_end = BackEnd()
        self.agent = RequestTraversalAgent(self.back_end)
        self.secrets = secret_file(self)

    def start(self, *, asks: bool = False, channel: IChannel | None = None) -> PusherService:
        url = "http://back.end/"
        keys = SigningKeys(str(self.secrets))
        return self.make(HookSettings(url, url + "connect" if asks else "", keys), channel)

    def make(self, hooks: HookSettings, channel: IChannel | None = None) -> PusherService:
        with patch("tpush.hooks.agent.make_agent", lambda *_: AsSent(self.agent)):
            service = PusherService(
                channel or LocalBroker(self.clock).channel(),
                ["nowhere"],
                reactor=self.clock,
                limits=Limits(ping_interval=0),
                endpoint_for=lambda _: FakePort(),  # type: ignore[arg-type, return-value]
                hooks=hooks,
            )
        service.startService()
        self.run_(0.1)
        return service

    def run_(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)
            self.agent.flush()

    def stop(self, service: PusherService, *clients: Client) -> Deferred[None]:
        stopped = service.stopService()
        self.run_(0.7)  # for what was published before
        for client in clients:
            client.lose()
        self.run_(0.1)
        return stopped

    def told(self, secret: bytes = SECRET) -> list[dict[str, Any]]:
        """All events that the back end was told, in requests that it has verified."""
        events: list[dict[str, Any]] = []
        for _, headers, body in self.back_end.requests:
            verify(headers, body, secret)
            events += json.loads(body)["events"]
        return events

    def test_from_start_to_stop(self) -> None:
        """A worker tells all before it has ended."""
        service = self.start()
        client = Client(service.factory).open()
        self.run_(0.1)
        self.assertEqual([event["type"] for event in self.told()], ["connect"])
        self.successResultOf(self.stop(service, client))
        first, last = self.told()
        self.assertEqual(last["type"], "disconnect")
        self.assertEqual(first["connection"], f"{service.worker}:1")
        self.assertEqual(service.factory.metrics.hook_events, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_back_end_that_is_silent(self) -> None:
        """It keeps no worker longer than the time that there is for it."""
        self.back_end.answer = lambda _: NOT_DONE_YET
        service = self.start()
        client = Client(service.factory).open()
        stopped = self.stop(service, client)
        self.run_(Limits().stop_wait - 0.2)
        self.assertNoResult(stopped)
        self.run_(0.2)
        self.successResultOf(stopped)
        self.assertEqual(service.factory.metrics.hook_dropped, 2)
        self.run_(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_and_told(self) -> None:
        """The one back end may be both."""
        self.back_end.answer = lambda request: b'{"user":"ann"}' * (request.uri != b"/")
        service = self.start(asks=True)
        client = Client(service.factory).open()
        self.run_(0.1)
        (uri, headers, body), (_, _, told) = self.back_end.requests
        verify(headers, body)
        self.assertEqual((uri, json.loads(body)["type"]), (b"/connect", "connect"))
        self.assertEqual(json.loads(told)["events"][0]["user"], "ann")
        self.successResultOf(self.stop(service, client))

    def test_two_that_end_together(self) -> None:
        """That a group has lost its last member is told by one of them, whoever is the first."""
        for later in range(0, 100, 5):
            self.back_end.requests.clear()
            cluster = Cluster()
            cluster.start()
            self.clock = cluster.clock
            services = [self.start(channel=cluster.channel()) for _ in range(2)]
            clients = [Client(service.factory).open() for service in services]
            for service in services:
                for name in "abcd":
                    service.factory.groups.join(ConnectionID(1), group_event(name))
            self.run_(0.5)
            stopped = []
            for service, client in zip(services, clients, strict=True):
                stopped.append(service.stopService())
                self.patch(client.connection, "leave", lambda _, client=client: client.lose())
                cluster.run(later / 10_000)
            self.run_(4)
            for each in stopped:
                self.successResultOf(each)
            vacated = [each["group"] for each in self.told() if each["type"] == "vacated"]
            self.assertEqual(sorted(vacated), list("abcd"), later)

    def test_reload(self) -> None:
        """Secrets are read again."""
        service = self.start()
        self.secrets.write_text(written(OTHER))
        service.reload()
        client = Client(service.factory).open()
        self.run_(0.1)
        self.assertEqual(len(self.told(OTHER)), 1)
        self.successResultOf(self.stop(service, client))

    def test_gone(self) -> None:
        """One that wanted no more is told again after a SIGHUP."""
        self.back_end.answer = status(410)
        service = self.start()
        clients = [Client(service.factory).open()]
        self.run_(0.1)
        self.back_end.answer = lambda _: b""
        clients.append(Client(service.factory).open())
        self.run_(0.1)
        self.assertEqual(len(self.back_end.requests), 1)
        service.reload()
        clients.append(Client(service.factory).open())
        self.run_(0.1)
        self.assertEqual(self.told()[-1]["connection"], f"{service.worker}:3")
        self.assertEqual(service.factory.metrics.hook_dropped, 2)
        self.successResultOf(self.stop(service, *clients))

    def test_nobody(self) -> None:
        """Where no back end is given nothing is made for one."""
        service = self.make(NO_HOOKS)
        self.assertIs(service._hooks.telling, NOBODY)
        self.assertIs(service.factory.asking, None)
        self.assertIs(service._hooks._pool, None)
        service.reload()
        client = Client(service.factory).open()
        kept = set(vars(client.connection))
        self.successResultOf(self.stop(service, client))
        self.assertNotIn("_asked", kept)
        self.assertEqual(self.back_end.requests, [])

    def test_unsigned(self) -> None:
        """Nothing is called without a secret."""
        self.assertRaises(ValueError, HookSettings, "http://back.end/")
        self.assertRaises(ValueError, HookSettings, "", "http://back.end/")
        HookSettings("", "", SigningKeys(str(Path(self.secrets))))


class ImportTests(SynchronousTestCase):
    """A worker that calls nobody starts without what calls take."""

    def test_nothing_to_call(self) -> None:
        """No HTTP client is imported by a service without hooks."""
        program = "import sys, tpush.pusher.service; sys.exit('treq' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", program]).returncode, 0)
