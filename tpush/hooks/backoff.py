"""How long to wait before a call that failed is made again. Pure."""

LEAST = 0.5
"""The part of a pause that is left to no chance; the rest keeps workers from coming together."""


def pause(failures: int, first: float, most: float, chance: float, asked: float = 0.0) -> float:
    """Return seconds to wait.

    Args:
        failures: in a row, counted from 1; each doubles the pause.
        first: the pause after one of them.
        most: the longest pause.
        chance: from 0 to 1, drawn for each pause.
        asked: seconds for which who has failed wants to be left alone; the pause comes on top of
            them, as many may have been told the same, and all of it is at most *most*.
    """
    doubled = min(most, first * 2.0 ** min(failures - 1, 64))
    return min(most, asked + doubled * (LEAST + (1 - LEAST) * chance))
