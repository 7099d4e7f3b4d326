"""``tpush info``: the workers of the cluster, who is in a group, or where a user is."""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tpush.command.api import add_api_options, kind, name, server_of
from tpush.command.status import Status
from tpush.http import BlockingPublisher
from tpush.http.verbs import SHOWN
from tpush.kinds import whole

NAME = "info"
SUMMARY = "tell of the cluster, or who is in a group, or where a user is"
EXAMPLES = """\
  tpush info               # each worker: connections, counters, and rates of the last seconds
  tpush info --group news --limit 10
  tpush info --user ann
"""
MOST = 10_000
"""Addresses that a publisher tells at once."""


def add_options(parser: ArgumentParser) -> None:
    """Add what the command takes."""
    whom = parser.add_mutually_exclusive_group()
    for option, what in (("group", "are in it"), ("user", "connections")):
        whom.add_argument(
            f"--{option}",
            type=kind(name),
            metavar="NAME",
            help=f"how many {what}, and their addresses",
        )
    parser.add_argument(
        "--limit",
        type=kind(whole(0, MOST)),
        default=SHOWN,
        metavar="N",
        help=f"addresses at the most [default: {SHOWN}]",
    )
    add_api_options(parser)


def run(asked: Namespace, environ: Mapping[str, str]) -> int:
    """Print it, as JSON; return the exit status.

    Raises:
        PublishFailed: it is not known.
    """
    server = server_of(asked, environ)
    with BlockingPublisher(server.url, key=server.key) as publisher:
        print(json.dumps(_told(publisher, asked), indent=2))
    return Status.OK


def _told(publisher: BlockingPublisher, asked: Namespace) -> Mapping[str, Any]:
    if asked.group is not None:
        return asdict(publisher.group(asked.group, asked.limit))
    if asked.user is not None:
        return asdict(publisher.user(asked.user, asked.limit))
    return publisher.info()
