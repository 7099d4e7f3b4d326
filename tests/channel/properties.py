"""How property tests run here: the same cases each time, unless fuzzing is asked for."""

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

FUZZ = int(os.environ.get("TPUSH_FUZZ", "0"))
"""Multiplies the number of cases, which are then drawn anew at each run."""


def cases(examples: int, **more: Any) -> settings:
    """Return settings for that many cases."""
    return settings(
        max_examples=examples * max(1, FUZZ),
        derandomize=not FUZZ,
        deadline=None,
        database=None,
        print_blob=bool(FUZZ),
        suppress_health_check=list(HealthCheck),
        **more,
    )


def run_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run *machine* so many times, with up to so many steps each."""
    run_state_machine_as_test(machine, settings=cases(examples, stateful_step_count=steps))
