"""A script that uses a cluster: ``python order.py "two apples"``."""

import sys
from typing import Any

from twisted.internet.task import react

import tpush


async def main(reactor: Any, what: str) -> None:
    """Enqueue one job, and leave when the channel has it, or has not answered for ten seconds."""
    channel = tpush.connect("tcp:127.0.0.1:2206", reactor=reactor)
    await channel.enqueue("orders", what).addTimeout(10, reactor)
    await channel.close()


if len(sys.argv) != 2:
    sys.exit("usage: python order.py WHAT")
react(main, sys.argv[1:])
