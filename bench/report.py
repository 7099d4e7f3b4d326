"""What a run found, medians of several, and how they are shown."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from clients import LATENCY_STEP_NS


@dataclass(frozen=True, slots=True)
class Phase:
    """Figures of `round` or `burst`."""

    deliveries_per_s: float
    cpu_us: float | None
    """Server CPU for one message to one client; None where no process was accounted."""
    cpu_us_by_process: dict[str, float]
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of a run."""

    connects_per_s: float
    kb_per_connection: float | None
    """None where no process was accounted, or memory that an earlier run left was used again."""
    bare_send_us: float
    round: Phase
    burst: Phase

    @property
    def round_ratio(self) -> float | None:
        """What a delivery cost in `round`, in bare sends."""
        return None if self.round.cpu_us is None else self.round.cpu_us / self.bare_send_us

    @property
    def burst_ratio(self) -> float | None:
        """What a delivery cost in `burst`, in bare sends."""
        return None if self.burst.cpu_us is None else self.burst.cpu_us / self.bare_send_us


def phase(
    deliveries: int, took_ns: int, cpu_us: dict[str, float], latencies: Counter[int]
) -> Phase:
    """Make figures of what was counted.

    Args:
        deliveries: messages times clients.
        took_ns: from the first request to the last delivery.
        cpu_us: for one delivery, by process; empty where none was accounted.
        latencies: how often each occurred, in units of ``LATENCY_STEP_NS``, rounded down.
    """
    return Phase(
        deliveries / took_ns * 1_000_000_000,
        sum(cpu_us.values()) if cpu_us else None,
        cpu_us,
        percentile_ms(latencies, 0.50),
        percentile_ms(latencies, 0.99),
        percentile_ms(latencies, 1.0),
    )


def percentile_ms(latencies: Counter[int], share: float) -> float:
    """The latency that a share of the messages did not exceed.

    Args:
        latencies: how often each occurred, in units of ``LATENCY_STEP_NS``, rounded down.
        share: from 0 to 1.
    """
    wanted, seen, step = math.ceil(share * latencies.total()), 0, 0
    for step in sorted(latencies):
        seen += latencies[step]
        if seen >= wanted:
            break
    return (step + 1) * LATENCY_STEP_NS / 1_000_000


def median(runs: Sequence[Figures]) -> Figures:
    """The medians of each figure by itself.

    Args:
        runs: at least one.
    """
    return Figures(
        statistics.median(run.connects_per_s for run in runs),
        _median(run.kb_per_connection for run in runs),
        statistics.median(run.bare_send_us for run in runs),
        _median_phase([run.round for run in runs]),
        _median_phase([run.burst for run in runs]),
    )


def _median_phase(phases: Sequence[Phase]) -> Phase:
    return Phase(
        statistics.median(phase.deliveries_per_s for phase in phases),
        _median(phase.cpu_us for phase in phases),
        {
            name: statistics.median(phase.cpu_us_by_process[name] for phase in phases)
            for name in phases[0].cpu_us_by_process
        },
        statistics.median(phase.p50_ms for phase in phases),
        statistics.median(phase.p99_ms for phase in phases),
        statistics.median(phase.max_ms for phase in phases),
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def as_dict(figures: Figures) -> dict[str, object]:
    """What JSON can hold.

    Args:
        figures: a run's, or the medians.
    """
    ratios = {"round_ratio": figures.round_ratio, "burst_ratio": figures.burst_ratio}
    return asdict(figures) | ratios


def as_text(figures: Figures) -> str:
    """A few lines for people.

    Args:
        figures: a run's, or the medians.
    """
    lines = [
        f"connects/s       {figures.connects_per_s:>12,.0f}",
        f"KB a connection  {_known(figures.kb_per_connection, 12, 1)}",
        "                 deliveries/s    CPU us    p50 ms    p99 ms    max ms",
        _phase_line("round", figures.round),
        _phase_line("burst", figures.burst),
        f"bare send                     {figures.bare_send_us:>9.2f}",
        f"round / bare send = {_known(figures.round_ratio, 0, 2)}",
        f"burst / bare send = {_known(figures.burst_ratio, 0, 2)}",
    ]
    return "\n".join(lines)


def _phase_line(name: str, phase: Phase) -> str:
    parts = ", ".join(f"{process} {us:.2f}" for process, us in phase.cpu_us_by_process.items())
    return (
        f"{name:<17}{phase.deliveries_per_s:>12,.0f} {_known(phase.cpu_us, 9, 2)}"
        f" {phase.p50_ms:>9.2f} {phase.p99_ms:>9.2f} {phase.max_ms:>9.2f}   {parts}"
    ).rstrip()


def _known(value: float | None, width: int, places: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width},.{places}f}"
