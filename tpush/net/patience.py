"""Listening while descriptors have run out.

Twisted then accepts whoever waits with a descriptor that it has in reserve, and closes them all,
with a line in the log for each; and where it has none in reserve it tries again at once, without
end. Here new clients wait in the kernel's queue until there is a descriptor again, and the others
are served meanwhile.
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

SHORTAGE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What `accept` says where this process, or this machine, has nothing left for a connection."""

PAUSE = 0.25
"""Seconds after which it is tried again."""

LINE_EVERY = 1.0
"""Seconds between two lines of the log."""


class PatientSocket(socket.socket):
    """A listening socket, to which a shortage looks as if nobody wanted to connect."""

    short: Callable[[OSError], None]
    """Is told of a shortage."""

    @override
    def accept(self) -> tuple[socket.socket, Any]:
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in SHORTAGE:
                raise
            self.short(error)
            raise BlockingIOError(errno.EAGAIN, "nobody is taken now") from None


class Patience:
    """Lets ports wait where there is a shortage, and says so once a second.

    Args:
        clock: tells the time.
        metrics: counts it.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, metrics: ListenerMetrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._pauses: dict[tcp.Port, IDelayedCall] = {}
        self._found = 0
        self._said: float | None = None

    def watch(self, port: tcp.Port) -> None:
        """Have a port that listens be patient."""
        patient = PatientSocket(fileno=port.socket.detach())
        patient.settimeout(0)
        patient.short = lambda error: self._short(port, error)
        port.socket = patient
        port.fileno = patient.fileno  # type: ignore[method-assign]

    def stop(self) -> None:
        """Let ports that wait not listen again."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()

    def _short(self, port: tcp.Port, error: OSError) -> None:
        port.stopReading()
        self._pauses[port] = self._clock.callLater(PAUSE, self._resume, port)
        self._metrics.shortages += 1
        self._found += 1
        now = self._clock.seconds()
        if self._said is None or now - self._said >= LINE_EVERY:
            self.log.warn(
                "new clients wait: {error} ({found} times since this was last said)",
                error=error.strerror,
                found=self._found,
            )
            self._said, self._found = now, 0

    def _resume(self, port: tcp.Port) -> None:
        del self._pauses[port]
        if port.connected:
            port.startReading()
