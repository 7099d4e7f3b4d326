"""Those who publish: HTTP clients that know what became of each request."""

import json
from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from typing_extensions import override

from tests.simulation.clock import Clock
from tests.simulation.journal import Journal, Publish
from tests.simulation.network import End, Network

PATIENCE = 6.0
"""Seconds that a back end waits for an answer."""


class BackEndConnection(Protocol):
    """One connection that is kept open: requests go out at once, answers come in their order."""

    transport: End

    def __init__(self, back_end: "BackEnd") -> None:
        self._back_end = back_end
        self._buffer = b""

    @override
    def dataReceived(self, data: bytes) -> None:
        buffer = self._buffer + data
        while True:
            head, blank, rest = buffer.partition(b"\r\n\r\n")
            if not blank:
                break
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0])
            if len(rest) < length:
                break
            buffer = rest[length:]
            self._back_end.answered(head.split(b" ", 2)[1].decode(), rest[:length])
        self._buffer = buffer

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._back_end.lost(self)


class BackEnd(Factory):
    """Publishes through one publisher, over one connection at a time.

    Args:
        network: what connects.
        clock: of the world outside.
        journal: is told what becomes of each publish.
        place: of the publisher.
    """

    noisy = False

    def __init__(self, network: Network, clock: Clock, journal: Journal, place: str) -> None:
        self.place = place
        self._network = network
        self._clock = clock
        self._journal = journal
        self._random: Random = clock.random
        self._connection: BackEndConnection | None = None
        self._connecting = False
        self._waiting: deque[Publish] = deque()
        self._deadline: IDelayedCall | None = None

    @override
    def buildProtocol(self, addr: object) -> BackEndConnection:
        return BackEndConnection(self)

    def publish(self, publishes: list[Publish]) -> None:
        """Send requests, one behind the other."""
        self._waiting.extend(publishes)
        if self._deadline is None:
            self._deadline = self._clock.callLater(PATIENCE, self._too_late)
        if self._connection is not None:
            self._send(self._connection, publishes)
        elif not self._connecting:
            self._connecting = True
            attempt = self._network.connect(self._clock, self.place, self)
            _known = attempt.addCallbacks(self._connected, self._refused)

    def answered(self, status: str, body: bytes) -> None:
        """Take an answer to the request that has waited longest."""
        if not self._waiting:
            self._journal.breach(f"an answer that nobody asked for: {status} {body!r}")
            return
        publish = self._waiting.popleft()
        if publish.asks and body.startswith(b"{"):
            publish.receipt = json.loads(body)
        elif (status == "200") != (body == b"ok") or (status == "200" and publish.asks):
            self._journal.breach(f"publish {publish.number} was answered {status} with {body!r}")
        self._settle(publish, status)
        if self._waiting and self._deadline is not None:
            self._deadline.reset(PATIENCE)
        else:
            self._wait_no_longer()

    def lost(self, connection: BackEndConnection) -> None:
        """Be told that a connection is gone."""
        if connection is self._connection:
            self._connection = None
            self._give_up("lost")

    def wake(self) -> None:
        """Give up a connection that has been of no use without a word."""
        if self._connection is not None and self._connection.transport.link.broken:
            self._abandon("lost")

    def leave(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.transport.loseConnection()

    def _connected(self, protocol: Any) -> None:
        self._connecting = False
        if protocol.transport.closed:
            self._give_up("lost")
        else:
            self._connection = protocol
            self._send(protocol, self._waiting)

    def _refused(self, _: Failure) -> None:
        self._connecting = False
        self._give_up("refused")

    def _send(self, connection: BackEndConnection, publishes: Iterable[Publish]) -> None:
        connection.transport.write(b"".join(map(self._request, publishes)))

    def _request(self, publish: Publish) -> bytes:
        fields = b"content=" + quote_from_bytes(publish.content).encode()
        if publish.target is not None:
            fields += b"&to_worker_id=%d&to_connection_id=%d" % publish.target
        if publish.asks:
            fields += b"&receipt=1"
        if self._random.random() < 0.7:
            return b"GET /?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % fields
        return (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\n%b" % (len(fields), fields)
        )

    def _too_late(self) -> None:
        self._deadline = None
        self._abandon("late")

    def _abandon(self, outcome: str) -> None:
        # At once: whoever publishes next needs another connection.
        connection, self._connection = self._connection, None
        self._give_up(outcome)
        if connection is not None:
            connection.transport.abortConnection()

    def _give_up(self, outcome: str) -> None:
        self._wait_no_longer()
        while self._waiting:
            self._settle(self._waiting.popleft(), outcome)

    def _wait_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _settle(self, publish: Publish, outcome: str) -> None:
        publish.outcome = outcome
        self._journal.note(f"publish {publish.number}: {outcome} {publish.receipt}")
