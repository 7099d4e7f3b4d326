"""How long to wait before a call that failed is made again. Pure."""

LEAST = 0.5
"""The part of a pause that is left to no chance; the rest keeps workers from coming together."""


def pause(failures: int, first: float, most: float, chance: float) -> float:
    """Return seconds to wait.

    Args:
        failures: in a row, counted from 1; each doubles the pause.
        first: the pause after one of them.
        most: the longest pause.
        chance: from 0 to 1, drawn for each pause.
    """
    doubled = min(most, first * 2.0 ** min(failures - 1, 64))
    return doubled * (LEAST + (1 - LEAST) * chance)
