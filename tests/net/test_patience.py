"""Ports while more want to connect than can be served, on a real socket and no reactor."""

import errno
import socket
from typing import Any
from unittest.mock import patch

from twisted.internet import tcp
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.metrics import ListenerMetrics
from tpush.net.patience import IN_A_TURN, Patience


class Reactor(Clock):
    """A clock, and the ports that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()

    def addReader(self, reader: object) -> None:  # noqa: N802 - a reactor's
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:  # noqa: N802 - a reactor's
        self.readers.discard(reader)

    def removeWriter(self, writer: object) -> None:  # noqa: N802 - a reactor's
        """Do nothing."""


class PatienceTests(SynchronousTestCase):
    """A port lets new clients wait; one without descriptors says so once a second."""

    @override
    def setUp(self) -> None:
        self.reactor: Any = Reactor()
        self.metrics = ListenerMetrics()
        self.room = True
        self.patience = Patience(self.reactor, self.metrics, lambda: self.room)
        self.accepted: list[Protocol] = []
        factory = Factory.forProtocol(self.protocol)
        factory.noisy = False
        self.port = tcp.Port(0, factory, interface="127.0.0.1", reactor=self.reactor)
        self.port.startListening()
        self.patience.watch(self.port)
        self.addCleanup(self.stop)
        self.client = socket.create_connection(self.port.socket.getsockname())
        self.addCleanup(self.client.close)

    def protocol(self) -> Protocol:
        self.accepted.append(Protocol())
        return self.accepted[-1]

    def stop(self) -> None:
        self.patience.stop()
        self.port.stopListening()
        self.reactor.advance(0)
        for protocol in self.accepted:
            protocol.transport.abortConnection()  # type: ignore[union-attr]
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def short(self, seconds: float = 0, number: int = errno.EMFILE) -> list[str]:
        """Find a shortage whenever the port is read for so long; return what the log says."""
        shortage = patch.object(socket.socket, "accept", side_effect=OSError(number, "none left"))
        with shortage, capturedLogs() as events:
            for _ in range(int(seconds * 16) + 1):
                if self.port in self.reactor.readers:
                    self.port.doRead()
                self.reactor.advance(1 / 16)
        return [f"{event['log_level'].name} {event['found']}" for event in events]

    def come(self, count: int) -> None:
        for _ in range(count):
            client = socket.create_connection(self.port.socket.getsockname())
            self.addCleanup(client.close)

    def test_a_few_in_a_turn(self) -> None:
        """Of many who come at once a few are taken in each turn, and then those that were there."""
        self.come(2 * IN_A_TURN)
        for taken in (IN_A_TURN, 2 * IN_A_TURN, 2 * IN_A_TURN + 1):
            self.port.doRead()
            self.assertEqual(len(self.accepted), taken)
        self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(self.metrics, ListenerMetrics())

    def test_one_after_another(self) -> None:
        """Those who come one by one are taken at once, however many they become."""
        self.port.doRead()
        for number in range(2, 3 * IN_A_TURN):
            self.come(1)
            self.port.doRead()
            self.assertEqual(len(self.accepted), number)

    def test_no_room(self) -> None:
        """While there is no room nobody is taken; who came meanwhile is, as soon as there is."""
        self.room = False
        for _ in range(3):
            self.port.doRead()
            self.assertNotIn(self.port, self.reactor.readers)
            self.reactor.advance(0.1)
            self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(self.accepted, [])
        self.assertEqual(self.metrics.pauses, 3)
        self.room = True
        self.port.doRead()
        self.assertEqual(len(self.accepted), 1)

    def test_last_call(self) -> None:
        """Before a port stops listening all who wait are taken, whatever they waited for."""
        self.come(2 * IN_A_TURN)
        self.room = False
        self.port.doRead()
        self.patience.last_call(self.port)
        self.assertEqual(len(self.accepted), 2 * IN_A_TURN + 1)

    def test_waits(self) -> None:
        """Nobody is accepted and closed, and the port is not read, until there are some again."""
        self.short()
        self.assertNotIn(self.port, self.reactor.readers)
        self.reactor.advance(0.3)
        self.assertIn(self.port, self.reactor.readers)
        self.port.doRead()
        self.assertEqual(len(self.accepted), 1)
        self.client.settimeout(0)
        self.assertRaises(BlockingIOError, self.client.recv, 1)  # it is connected

    def test_says_so(self) -> None:
        """The first time is said at once, and then what was found in each second."""
        said = self.short(3.2)
        self.assertEqual(said, ["warn 1", "warn 4", "warn 4", "warn 4"])
        self.assertGreater(self.metrics.shortages, 12)

    def test_the_machines_own(self) -> None:
        """What the whole machine has run out of counts too."""
        self.assertEqual(self.short(0, errno.ENFILE), ["warn 1"])

    def test_other_errors(self) -> None:
        """What is no shortage is Twisted's to handle: the port is read on."""
        with patch.object(socket.socket, "accept", side_effect=OSError(errno.ECONNABORTED, "")):
            self.port.doRead()
        self.assertIn(self.port, self.reactor.readers)
        self.assertEqual(self.metrics.shortages, 0)

    def test_stop_while_it_waits(self) -> None:
        """A port that is stopped while it waits does not come back."""
        self.short()
        self.patience.stop()
        self.reactor.advance(1)
        self.assertNotIn(self.port, self.reactor.readers)

    def test_stop_while_it_waits_twice(self) -> None:
        """Nor does one that finds nothing left again, as those are taken who wait at its end."""
        self.short()
        shortage = patch.object(socket.socket, "accept", side_effect=OSError(errno.EMFILE, ""))
        with shortage:
            self.patience.last_call(self.port)
        self.patience.stop()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
