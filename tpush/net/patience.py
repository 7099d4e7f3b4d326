"""Listening where more want to connect than can be served now.

By itself a port of Twisted's takes more and more at once while clients wait: 5,000 that came
together made its reactor's turns 190 ms long, for everybody, and filled the bound of handshakes
that are not done. Here it takes a few in each turn, and none while there are as many handshakes as
there may be; the others wait in the kernel's queue, and are served in their turn.

Where descriptors have run out Twisted accepts whoever waits with one that it has in reserve, and
closes them all, with a line in the log for each; and where it has none in reserve it tries again at
once, without end. Here new clients wait until there is a descriptor again.
"""

import errno
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from typing_extensions import override

from tpush.metrics import ListenerMetrics

IN_A_TURN = 20
"""Connections that a port takes in one turn of the reactor: some 5 ms, with their handshakes."""

LAST_CALL = 10_000
"""Connections that are taken at most when a port is about to stop listening."""

SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What `accept` says where this process, or this machine, has nothing left for a connection."""

PAUSE = 0.25
"""Seconds after which it is tried again."""

SHORT_PAUSE = 0.05
"""The same where there are as many handshakes as there may be: most take no longer than that."""

LINE_EVERY = 1.0
"""Seconds between two lines of the log."""


class PatientSocket(socket.socket):
    """A listening socket to which it looks as if nobody wanted to connect, when none is taken."""

    may_accept: Callable[[], bool]
    """Says whether one is taken now."""

    short: Callable[[OSError], None]
    """Is told of a shortage."""

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        if not self.may_accept():
            raise _nobody()
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in SHORTAGE:
                raise
            self.short(error)
            raise _nobody() from None


class Patience:
    """Lets ports wait, and says once a second where that is for a shortage.

    Args:
        clock: tells the time.
        metrics: counts it.
        may_accept: says whether a connection more can be served now.
    """

    log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        metrics: ListenerMetrics,
        may_accept: Callable[[], bool] = lambda: True,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._may_accept = may_accept
        self._pauses: dict[tcp.Port, IDelayedCall] = {}
        self._found = 0
        self._said: float | None = None

    def watch(self, port: tcp.Port) -> None:
        """Have a port that listens be patient."""
        patient = PatientSocket(fileno=port.socket.detach())
        patient.settimeout(0)
        patient.may_accept = lambda: self._ready(port)
        patient.short = lambda error: self._short(port, error)
        port.socket = patient
        port.fileno = patient.fileno  # type: ignore[method-assign]
        port.doRead = lambda: _take(port, IN_A_TURN)  # type: ignore[method-assign]

    def last_call(self, port: tcp.Port) -> None:
        """Take all who wait now, whether or not there is room: to them, they are connected."""
        if isinstance(port.socket, PatientSocket):
            port.socket.may_accept = lambda: True
        _take(port, LAST_CALL)

    def stop(self) -> None:
        """Let ports that wait not listen again."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()

    def _ready(self, port: tcp.Port) -> bool:
        ready = self._may_accept()
        if not ready:
            self._metrics.pauses += 1
            self._pause(port, SHORT_PAUSE)
        return ready

    def _short(self, port: tcp.Port, error: OSError) -> None:
        self._metrics.shortages += 1
        self._pause(port, PAUSE)
        self._found += 1
        now = self._clock.seconds()
        if self._said is None or now - self._said >= LINE_EVERY:
            self.log.warn(
                "new clients wait: {error} ({found} times since this was last said)",
                error=error.strerror,
                found=self._found,
            )
            self._said, self._found = now, 0

    def _pause(self, port: tcp.Port, seconds: float) -> None:
        port.stopReading()
        if port not in self._pauses:  # at the last call those who wait are taken all the same
            self._pauses[port] = self._clock.callLater(seconds, self._resume, port)

    def _resume(self, port: tcp.Port) -> None:
        del self._pauses[port]
        if port.connected:
            port.startReading()


def _take(port: tcp.Port, most: int) -> None:
    """Take new connections, up to a number that Twisted by itself raises while clients wait."""
    port.numberAccepts = most
    type(port).doRead(port)


def _nobody() -> BlockingIOError:
    return BlockingIOError(errno.EAGAIN, "nobody is taken now")
