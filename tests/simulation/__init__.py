"""A whole cluster in one process, in memory, on one clock; a seed decides everything."""
