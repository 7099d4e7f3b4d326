"""A transport that writes at once, on a pair of real sockets and no reactor."""

import socket
from typing import Any

from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.protocol import Protocol
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.net.eager import EagerServer
from tpush.net.unsent import unsent


class Reactor:
    """Notes who waits to write."""

    def __init__(self) -> None:
        self.writers: set[IReadWriteDescriptor] = set()

    def addReader(self, descriptor: object) -> None:  # noqa: N802
        """Do nothing."""

    def removeReader(self, descriptor: object) -> None:  # noqa: N802
        """Do nothing."""

    def addWriter(self, descriptor: IReadWriteDescriptor) -> None:  # noqa: N802
        """Note one that waits."""
        self.writers.add(descriptor)

    def removeWriter(self, descriptor: IReadWriteDescriptor) -> None:  # noqa: N802
        """Note one that waits no more."""
        self.writers.discard(descriptor)


class EagerServerTests(SynchronousTestCase):
    """Bytes leave at once where nothing is queued, and in order always."""

    @override
    def setUp(self) -> None:
        ours, self.theirs = socket.socketpair()
        ours.settimeout(0)
        self.addCleanup(ours.close)
        self.addCleanup(self.theirs.close)
        self.theirs.settimeout(5)
        self.reactor = Reactor()
        server: Any = EagerServer
        self.transport = server(ours, Protocol(), ("", 0), None, 0, self.reactor)

    def drain(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            if self.reactor.writers:
                self.transport.doWrite()
            got += self.theirs.recv(65_536)
        return got

    def test_at_once(self) -> None:
        """A small write is sent within the call, and the reactor is not asked."""
        self.transport.write(b"hello")
        self.assertEqual(self.theirs.recv(100), b"hello")
        self.assertEqual(self.reactor.writers, set())

    def test_what_the_kernel_does_not_take(self) -> None:
        """The rest is queued, and what comes after it goes behind it."""
        first, second = b"a" * 3_000_000, b"b" * 10
        self.transport.write(first)
        self.assertEqual(self.reactor.writers, {self.transport})
        self.transport.write(second)
        self.assertEqual(self.drain(len(first) + len(second)), first + second)

    def test_after_the_queue_is_empty(self) -> None:
        """When all that was queued has left, writes are sent at once again."""
        self.transport.write(b"a" * 3_000_000)
        self.drain(3_000_000)
        self.transport.doWrite()
        self.transport.write(b"again")
        self.assertEqual(self.theirs.recv(100), b"again")
        self.assertEqual(self.reactor.writers, set())

    def test_a_broken_connection(self) -> None:
        """A write to a connection that is gone neither raises nor calls back."""
        self.theirs.close()
        self.transport.write(b"first")
        self.transport.write(b"second")
        self.assertEqual(self.reactor.writers, {self.transport})

    def test_nothing(self) -> None:
        """An empty write does nothing."""
        self.transport.write(b"")
        self.assertEqual(self.reactor.writers, set())

    def test_unsent(self) -> None:
        """It tells what the kernel has not taken, and nothing once it has."""
        self.transport.write(b"hello")
        self.assertEqual(unsent(self.transport), 0)
        self.transport.write(b"a" * 3_000_000)
        waits = unsent(self.transport)
        self.assertTrue(0 < waits < 3_000_000, waits)
        taken = len(self.theirs.recv(1_000_000))
        self.transport.doWrite()
        self.assertLess(unsent(self.transport), waits)
        waits = unsent(self.transport)
        self.transport.write(b"b" * 10)
        self.assertEqual(unsent(self.transport), waits + 10)
        self.drain(5 + 3_000_010 - taken)
        self.assertEqual(unsent(self.transport), 0)
