"""The garbage collector in a process that holds many connections.

A full pass over 10,000 connections is a pause that every client sees. What was there at the start
never becomes garbage and need not be looked at again; connections are freed by their reference
counts, so that passes may be rare.
"""

import gc

THRESHOLDS = (50_000, 20, 50)


def spare_collector() -> None:
    """Take what is there now out of all passes, and let passes be rare.

    Called by programs that are tpush's own alone: it is a setting of the whole process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
