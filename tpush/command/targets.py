"""The options that say whom a message is for."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence

from tpush.command.api import kind, name
from tpush.http import EVERYBODY, Connection, Group, Target, User

KINDS: Sequence[tuple[str, Callable[[str], Target], str, str]] = (
    ("group", lambda text: Group(name(text)), "NAME", "the members of a group"),
    ("user", lambda text: User(name(text)), "NAME", "the connections of a user"),
    ("connection", Connection.read, "W:C", "one connection, by the two numbers of its greeting"),
)
"""Each kind of target: its option, how it is read, and what it says."""


def add_target_options(parser: ArgumentParser) -> None:
    """Add whom it is for, and who does not get it."""
    group = parser.add_argument_group("whom it is for, one at the least")
    group.add_argument(
        "--broadcast",
        dest="to",
        action="append_const",
        const=EVERYBODY,
        help="all connections of the cluster",
    )
    for before, where, but in (("--", "to", ""), ("--except-", "but", "but not ")):
        for option, read, metavar, what in KINDS:
            group.add_argument(
                before + option,
                dest=where,
                action="append",
                type=kind(read),
                metavar=metavar,
                help=f"{but}{what}; may be repeated",
            )


def targets_of(asked: Namespace) -> Sequence[Target]:
    """Return whom it is for; nobody where nobody was named."""
    return asked.to or ()


def exceptions_of(asked: Namespace) -> Sequence[Target]:
    """Return who does not get it."""
    return asked.but or ()
