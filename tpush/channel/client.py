"""The channel over AMP: a program's end that keeps its connection itself."""

import os
from collections.abc import Callable, Sequence
from functools import cached_property

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from typing_extensions import override

from tpush.channel import wire
from tpush.channel.changes import Changes
from tpush.channel.client_link import ClientLink, LinkedEnd
from tpush.channel.handshake import KEY_BYTES
from tpush.channel.reconnect import Reconnecting
from tpush.errors import WorkerIDTaken
from tpush.limits import Limits

JITTER = 0.2
"""Seconds by which a wait for the next attempt may be longer."""
SPREAD = 1.0
"""The same where a channel has sent all of its peers away at once; it and the first wait are less
than a new channel settles."""


class AMPChannel(LinkedEnd):
    """A program's end of the channel, over any stream endpoint.

    It begins to connect when the reactor runs, and comes back whenever the connection is lost:
    first soon, then more seldom, with jitter, but always sooner than a new channel routes.

    Args:
        endpoint: where the channel listens.
        clock: tells the time.
        limits: bounds and times.
        role: what this program is, for the channel's log.
        name: what it is called, for the channel's log.
        secrets: the channel has to know the first of them, if there are any, and to ask for it.
        entropy: gives that many random bytes.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        clock: IReactorTime,
        limits: Limits | None = None,
        *,
        role: str = "client",
        name: str = "",
        secrets: Sequence[bytes] = (),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__(clock, limits or Limits())
        self.role = role[: wire.MAX_LABEL]
        self.name = name[: wire.MAX_LABEL]
        self.secrets = secrets
        self.entropy = entropy
        self.session = None
        self._link: ClientLink | None = None
        self._sent_away = False
        self._complaint = ""
        self._backoff = backoffPolicy(
            self.limits.reconnect_first,
            self.limits.reconnect_most,
            jitter=lambda: JITTER * self._chance(),
        )
        self._connection = Reconnecting(
            endpoint,
            _LinkFactory(self),
            clock,
            self._delay,
            self._failed,
        )

    @cached_property
    @override
    def key(self) -> bytes:
        return self.entropy(KEY_BYTES)  # after a fork, when it is first needed

    @property
    @override
    def connected(self) -> bool:
        return self._link is not None

    @override
    def stirred(self) -> None:
        if self._link is not None:
            self._link.flush_soon()

    @override
    def claimed(self) -> None:
        if self._link is not None:
            self._link.drop()  # the next hello says who it is now

    @override
    def leave(self) -> Deferred[None]:
        if self._link is not None:
            self._link.flush()
            self._link.acknowledge()
            self._link.send(wire.Bye)
        return Deferred.fromCoroutine(self._connection.stop())

    @override
    def attached(self, link: ClientLink, session: bytes) -> Changes:
        resumed = session == self.session
        if self.session is None:
            self.log.info("connected to the channel at {peer}", peer=link.peer)
        else:
            self.log.info(
                "reconnected to the channel at {peer}, {how}",
                peer=link.peer,
                how="which had kept our place" if resumed else "which is new to us",
            )
        if not resumed:
            self.received = 0
        self.session = session
        self._link = link
        self._complaint = ""
        self.outbox.rewind()
        return self.take_all(resumed=resumed)

    @override
    def sent_away(self) -> None:
        self._sent_away = True

    @override
    def lost(self) -> None:
        self._link = None
        why = "left the channel" if self.leaving else "lost the channel"
        self.log.info("the channel goes away" if self._sent_away else why)

    def _delay(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row."""
        if self._sent_away:
            # All were sent away at once, and are not to come back so.
            self._sent_away = False
            return self.limits.reconnect_first + SPREAD * self._chance()
        return self._backoff(failures)

    def _chance(self) -> float:
        return int.from_bytes(self.entropy(2), "big") / 65_536

    def _failed(self, error: Exception) -> None:
        if isinstance(error, WorkerIDTaken):
            self.id_taken()
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:  # one line for a run of the same failures
            self._complaint = complaint
            self.log.warn(
                "cannot reach the channel yet, and tries on: {complaint!r}", complaint=complaint
            )


class _LinkFactory(Factory):
    noisy = False

    def __init__(self, channel: AMPChannel) -> None:
        self._channel = channel

    @override
    def buildProtocol(self, addr: IAddress | None) -> ClientLink:
        return ClientLink(self._channel)
