"""The broker behind AMP: what comes in is handed to it, what it changes goes out."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from typing_extensions import override

from tpush.channel.broker import Broker
from tpush.channel.driver import Driver
from tpush.channel.peer_link import Hello, PeerLink, Server, label
from tpush.channel.session import Session
from tpush.errors import ProtocolViolation
from tpush.limits import Limits
from tpush.present import Present
from tpush.sparing import SparingLog

BYE_WAIT = 1.0
"""Seconds that peers have to leave when the channel goes away."""


class ChannelServer(Factory, Server):
    """Makes the channel's ends of links, and joins them to the broker's sessions.

    Args:
        broker: what routes.
        clock: tells the time.
        limits: bounds and times.
        secrets: a peer has to know one of them, if there are any.
        entropy: gives that many random bytes.
    """

    noisy = False
    log = Logger()

    def __init__(
        self,
        broker: Broker,
        clock: IReactorTime,
        limits: Limits,
        secrets: Sequence[bytes] = (),
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.broker = broker
        self.secrets = secrets
        self.entropy = entropy
        self.clock = clock
        self.limits = limits
        self.driver = Driver(broker, clock, self._flush)
        self.metrics = broker.metrics
        self.strangers = SparingLog(self.log, clock)
        """Writes what anybody can cause who can connect."""
        self._open: Present[PeerLink] = Present()
        self._links: dict[Session, PeerLink] = {}

    @override
    def buildProtocol(self, addr: IAddress | None) -> PeerLink:
        link = PeerLink(self)
        self._open.add(link)
        return link

    @override
    def attach(self, link: PeerLink, hello: Hello) -> Session:
        known_peer = self.broker.knows(hello.peer)
        try:
            session = self.broker.attach(hello.peer, hello.session, hello.acknowledged, hello.sent)
        except ValueError as error:
            raise ProtocolViolation(str(error)) from None
        before = self._links.get(session)
        if before is not None:
            before.supersede()
        self._links[session] = link
        self._log(session, f"{'came back' if known_peer else 'attached'} from {link.peer}")
        self.driver.stir()
        return session

    @override
    def lost(self, link: PeerLink, session: Session | None) -> None:
        self._open.discard(link)
        if session is not None:
            del self._links[session]
            self.broker.detach(session, self.clock.seconds())
            self._log(session, "lost its link")
            self.driver.stir()

    @override
    def left(self, session: Session) -> None:
        del self._links[session]
        self.broker.leave(session, self.clock.seconds())
        self._log(session, "left")
        self.driver.stir()

    @override
    def stalled(self, session: Session) -> None:
        del self._links[session]
        self.metrics.stalled += 1
        self.log.warn(
            "giving {peer} up: {bytes} bytes in {items} messages wait for it, and it takes none",
            peer=label(session.peer),
            bytes=session.outbox.held,
            items=len(session.outbox),
        )
        self.broker.leave(session, self.clock.seconds())
        self.driver.stir()

    async def leave(self) -> None:
        """Tell the peers that this channel goes away; returns when they have left, or soon."""
        for session in self.broker.take_changed():
            self._flush(session)
        self.driver.stop()
        self._links.clear()
        for link in self._open:
            link.say_bye()
        with suppress(TimeoutError):
            await self._open.emptied().addTimeout(BYE_WAIT, self.clock)
        self.stop()

    def stop(self) -> None:
        """End all links, and do nothing more."""
        self.strangers.stop()
        self.driver.stop()
        self._links.clear()
        for link in self._open:
            link.supersede()

    def _flush(self, session: Session) -> None:
        link = self._links.get(session)
        if link is not None:
            link.flush()

    def _log(self, session: Session, what: str) -> None:
        self.log.info("{peer} {what}", peer=label(session.peer), what=what)
