"""What a client is sent, to its last word.

What waits for one that does not read is bounded, and so is the time that it has to take the last.
"""

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from typing_extensions import override
from zope.interface import implementer

from tpush.net.unsent import unsent
from tpush.pusher.arriving import Arriving, Door
from tpush.pusher.backlog import Backlog, BacklogFull
from tpush.pusher.closing import SLOW, Close
from tpush.pusher.receiver import Outcome, Receiver

OPEN = Arriving.STATE_OPEN


class Source(Door, Protocol):
    """What a client that is sent something needs of the factory that made its connection."""

    leaving: float
    """Seconds that a client has to take what waits, when its worker sends it away."""

    def backlog(self) -> Backlog:
        """Return the backlog of a client that begins to be slow."""
        ...


@implementer(IPushProducer)
class Outgoing(Arriving, Receiver):  # type: ignore[misc]
    """A connection that is written to, and ended."""

    factory: Source
    _end: IDelayedCall | None = None
    """Drops it, where it does not take what it is told last."""
    _backlog: Backlog | None = None
    """What waits, while the transport takes nothing more."""
    _paused = False

    @override
    def write_frames(self, frames: bytes, messages: int) -> None:
        if self.state == OPEN:
            if self._backlog is None:
                self.transport.write(frames)  # type: ignore[union-attr]
            else:
                self._wait(self._backlog, frames, messages)

    @override
    def write_telling(self, frame: bytes) -> Outcome:
        if self.state != OPEN:
            return Outcome.DROPPED
        if self._backlog is None:
            self.transport.write(frame)  # type: ignore[union-attr]
            return self.look_again()
        backlog = self._backlog
        self._wait(backlog, frame, 1)
        return Outcome.WAITING if backlog.newest is frame else Outcome.DROPPED

    @override
    def look_again(self) -> Outcome:
        # One that has ended meanwhile may have got it before, and its buffer does not say.
        if self.state == self.STATE_CLOSED or unsent(self.transport):
            return Outcome.IN_TRANSPORT
        return Outcome.WRITTEN

    def _wait(self, backlog: Backlog, frames: bytes, messages: int) -> None:
        if self._verdict is not None:
            return
        metrics = self.factory.metrics
        try:
            metrics.slow_dropped += backlog.add(frames, messages)
        except BacklogFull:
            metrics.slow_closed += 1
            metrics.slow_dropped += backlog.clear() + messages
            self.close(SLOW)

    # The transport's producer: it says when the client falls behind.

    def pauseProducing(self) -> None:  # noqa: N802 - IPushProducer has the name
        """Let frames wait here: the transport has as much as it is to have."""
        self._paused = True
        if self._backlog is None:
            self._backlog = self.factory.backlog()

    def resumeProducing(self) -> None:  # noqa: N802 - the same
        """Give the transport what waits, until it has enough."""
        self._paused = False
        while not self._paused and self._backlog is not None and self.state == OPEN:
            frames = self._backlog.take()
            if frames is None:
                self._backlog = None
                if self._verdict is not None:
                    self.close(self._verdict)
            else:
                self.transport.write(frames)  # type: ignore[union-attr]

    def stopProducing(self) -> None:  # noqa: N802 - the same
        """Be told that the connection is gone."""

    def close(self, close: Close) -> None:
        """Begin the closing handshake, or drop a connection that has not opened."""
        if self.state == OPEN:
            # Not sendClose: it refuses the codes below 3000 that a server may well send.
            self.sendCloseFrame(code=close.code, reasonUtf8=close.reason.encode(), isReply=False)
        elif self.state == self.STATE_CONNECTING:
            self.abort()

    def leave(self, close: Close) -> None:
        """Close once all that waits has been sent; a handshake in progress is finished first."""
        if self._verdict is None and self.state in (OPEN, self.STATE_CONNECTING):
            self.factory.metrics.drained += 1
            self._finish(close, self.factory.leaving)

    def finish(self, close: Close) -> bool:
        """Close once all that waits has been sent, or when its time is over.

        Returns:
            Whether it had not begun to close before.
        """
        if self.state != OPEN or self._verdict is not None:
            return False
        self._finish(close, self.factory.closeHandshakeTimeout)
        return True

    def _finish(self, close: Close, seconds: float) -> None:
        self._verdict = close
        if self.state == OPEN and self._backlog is None:
            self.close(close)
        elif self._backlog is not None and self._end is None:
            self._end = self.factory.later(seconds, self.abort)

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    @override
    def dropConnection(self, abort: bool = False) -> None:
        if not abort and self.state != self.STATE_CLOSED:
            # Twisted waits without end for a client that does not take what is written, or, with
            # TLS, does not answer the close.
            _cancel(self._end)  # who is sent away has longer than who leaves
            self._end = self.factory.later(self.factory.closeHandshakeTimeout, self.abort)
        super().dropConnection(abort)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        _cancel(self._end)
        _cancel(self.closeHandshakeTimeoutCall)  # Autobahn lets it run


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()
