"""How property tests run here: the same cases each time, unless fuzzing is asked for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
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
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def run_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run *machine* so many times, with up to so many steps each.

    Raises:
        AssertionError: it failed; the text has the steps, which trial would not show.
    """
    try:
        run_state_machine_as_test(machine, settings=cases(examples, stateful_step_count=steps))
    except Exception as error:
        steps_taken = "\n".join(getattr(error, "__notes__", ()))
        raise AssertionError(f"{error!r}\n{steps_taken}") from error


def randoms(examples: int) -> Iterator[tuple[str, Random]]:
    """Yield that many sources of chance, each with its name.

    For streams, on which hypothesis spends five times what the code under test does.
    """
    first = Random().randrange(2**32) if FUZZ else 0
    for seed in range(first, first + examples * max(1, FUZZ)):
        yield f"seed {seed}", Random(seed)


@contextmanager
def told(*what: object) -> Iterator[None]:
    """Tell with a failure what it was about.

    Raises:
        AssertionError: there was a failure.
    """
    try:
        yield
    except Exception as error:
        raise AssertionError(f"{error!r} with {what!r}") from error
