"""One worker process, as its parent sees it."""

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from typing_extensions import override

from tpush.net import control
from tpush.net.moment import Moment

BOOT = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from tpush.net.worker import main; main()"
)
"""Ctrl-C goes to the whole foreground group, and is the parent's to act on: from the first line."""


class ParentLink(control.ControlLink):
    """The parent's end of the link to one worker.

    Args:
        process: the worker.
    """

    log = Logger()

    def __init__(self, process: "WorkerProcess") -> None:
        super().__init__()
        self._process = process

    @control.Log.responder
    def log_line(self, level: str, system: str, text: str) -> dict[str, object]:
        """Put a worker's line into the log of this process."""
        self.log.emit(
            LogLevel.lookupByName(level),
            "process {process}: [{system}] {text}",
            process=self._process.number,
            system=system,
            text=text,
        )
        return {}

    @control.Leave.responder
    def leave(self) -> dict[str, object]:
        """Be told that the worker is to end."""
        self._process.told.happen(None)
        return {}


class WorkerProcess(ProcessProtocol):
    """A process that runs :mod:`tpush.net.worker`; it is started when it is made.

    Args:
        number: which worker it is, for the log.
        sockets: what it listens on, one for each endpoint.
        reactor: the parent's; the worker's is of the same kind.

    Raises:
        OSError: no process can be started now.
    """

    log = Logger()

    def __init__(self, number: int, sockets: Sequence[socket.socket], reactor: Any) -> None:
        self.number = number
        self.up: Moment[bool] = Moment()
        """Whether it has started its role, or has not and will not."""
        self.told: Moment[None] = Moment()
        """Somebody told it to end; it serves until it is asked to by :meth:`stop`."""
        self.ended: Moment[str] = Moment()
        """It is gone: with why."""
        self._link = ParentLink(self)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            ours.settimeout(0)
            descriptors: dict[int, int | str] = {0: nothing, 1: "r", 2: "r"}
            for target, source in enumerate((theirs, *sockets), control.DESCRIPTOR):
                descriptors[target] = source.fileno()
            reactor.spawnProcess(
                self,
                sys.executable,
                # -P: whatever lies in the folder that it runs in is not to be imported.
                [sys.executable, "-P", "-c", BOOT, type(reactor).__module__, str(len(sockets))],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                childFDs=descriptors,
            )
            reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, control.Once(self._link))
        finally:
            os.close(nothing)
            theirs.close()
            ours.close()

    def configure(self, role: str, settings: str) -> Deferred[object]:
        """Tell it which role it has; fires when that has started."""
        answer: Deferred[object] = self._link.callRemote(
            control.Configure, role=role, settings=settings
        )
        return answer

    def ping(self) -> Deferred[object]:
        """Ask whether it is there."""
        answer: Deferred[object] = self._link.callRemote(control.Ping)
        return answer

    def stop(self) -> None:
        """Ask it to end in good order."""
        if self._link.transport is not None:
            self._link.callRemote(control.Stop)

    def signal(self, name: str) -> None:
        """Send it a signal, if it is still there: ``KILL`` or ``HUP``."""
        transport: Any = self.transport
        with suppress(ProcessExitedAlready):
            transport.signalProcess(name)

    @override
    def outReceived(self, data: bytes) -> None:
        self._log_output(data)

    @override
    def errReceived(self, data: bytes) -> None:
        self._log_output(data)

    @override
    def processEnded(self, reason: Failure) -> None:
        status: Any = reason.value
        why = f"signal {status.signal}" if status.signal else f"status {status.exitCode}"
        self.up.happen(False)  # noqa: FBT003 - the answer to its name
        self.ended.happen(why)

    def _log_output(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            self.log.warn("process {process}: {line}", process=self.number, line=line)
