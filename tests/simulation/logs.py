"""What the programs of a world say while it runs: nothing, where all is as it should be."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import Logger, LogLevel, formatEvent

from tests.simulation.programs import JobFailed

EXPECTED = (
    "cannot reach the channel yet",
    "closing {peer}: silent for",
    "closing {peer}: it did not say who it is in time",
    "{lost} requests were never acknowledged",
    "worker id {worker} is taken",
    "refusing {peer}",
    "a receipt is lost",
    "giving {peer} up",
    "back too late",
    "{left} requests were not answered in time",
)
"""How warnings begin that a fault may cause."""


@contextmanager
def watched(breach: Callable[[str], None]) -> Iterator[None]:
    """Let nothing be logged, and any error or unexpected warning be a breach."""
    emit = Logger.emit

    def watch(self: Logger, level: Any, format: str | None = None, **fields: Any) -> None:
        failure = fields.get("log_failure")
        if (
            level in {LogLevel.debug, LogLevel.info}
            or (format or "").startswith(EXPECTED)
            or (failure is not None and failure.check(JobFailed))
        ):
            return
        text = formatEvent({"log_format": format, **fields})
        breach(f"logged: {text} {failure.getTraceback() if failure is not None else ''}")

    Logger.emit = watch  # type: ignore[method-assign]
    try:
        yield
    finally:
        Logger.emit = emit  # type: ignore[method-assign]
