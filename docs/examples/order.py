"""A script that uses a cluster: ``python order.py "two apples"``."""

import sys
from typing import Any

from twisted.internet.task import react

import tpush


async def main(reactor: Any, what: str) -> None:
    """Enqueue one job, and leave when the channel has it."""
    channel = tpush.connect("tcp:127.0.0.1:2206", reactor=reactor)
    await channel.enqueue("orders", what)
    await channel.close()


react(main, sys.argv[1:])
