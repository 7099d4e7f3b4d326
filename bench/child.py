"""A process of the bench's own, on a CPU of its own, that answers commands over a pipe."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from deadline import BenchError, Deadline

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    Pipe = Connection[Any, Any]
    Work = Callable[[Pipe, Deadline], None]

T = TypeVar("T")
_STOP_SECONDS = 5.0


class Child:
    """Runs a function in a process; ends that process when the ``with`` block ends.

    Args:
        work: a module's function. It gets its end of the pipe and the deadline, and returns,
            or lets ``EOFError`` out, when the pipe closes.
        cpu: where the process is pinned.
        deadline: bounds everything that it and its commander wait for.
    """

    def __init__(self, work: Work, cpu: int, deadline: Deadline) -> None:
        # "spawn": a forked copy would share pages with this process, and its open sockets.
        context = multiprocessing.get_context("spawn")
        self._pipe, self._far_end = context.Pipe()
        self._deadline = deadline
        self._name = work.__name__
        self._process = context.Process(
            target=_run, args=(work, self._far_end, cpu, deadline), daemon=True
        )

    def __enter__(self) -> Child:
        self._process.start()
        self._far_end.close()
        return self

    def send(self, command: object) -> None:
        """Hand a command over.

        Args:
            command: anything that can be pickled.

        Raises:
            BenchError: the process has ended.
        """
        try:
            self._pipe.send(command)
        except OSError:
            # It said why before it ended, if it could.
            self.receive(object)
            raise BenchError(f"the process `{self._name}` has ended") from None

    def replied(self, seconds: float) -> bool:
        """Whether a reply comes within some time.

        Args:
            seconds: how long to wait for it.
        """
        return self._pipe.poll(seconds)

    def receive(self, kind: type[T]) -> T:
        """The next reply.

        Args:
            kind: the type it must have.

        Raises:
            BenchError: what the process found wrong, or it ended or kept silent.
        """
        # The process gives up at the deadline too, and knows better what was missing.
        if not self._pipe.poll(self._deadline.remaining + 1):
            raise BenchError(f"the process `{self._name}` keeps silent")
        try:
            reply = self._pipe.recv()
        except (EOFError, OSError):
            raise BenchError(f"the process `{self._name}` ended without a word") from None
        if isinstance(reply, BenchError):
            raise reply
        if not isinstance(reply, kind):
            raise BenchError(f"the process `{self._name}` answered {reply!r}")
        return reply

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pipe.close()
        if kind is not None:
            self._process.terminate()
        self._process.join(_STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _run(work: Work, pipe: Pipe, cpu: int, deadline: Deadline) -> None:
    # Ctrl-C reaches the whole foreground group; this process ends when its pipe does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, {cpu})
    with suppress(EOFError, ConnectionError):
        try:
            work(pipe, deadline)
        except BenchError as error:
            pipe.send(error)
