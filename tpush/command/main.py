"""``tpush``: finds out which command is meant, and says how it ended."""

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from types import ModuleType

from tpush.command import bench, info, listen, publish, token
from tpush.command.ending import Ended
from tpush.command.status import Status, status_of, table
from tpush.errors import UnsafeSecret
from tpush.http import PublishFailed

COMMANDS: Sequence[ModuleType] = (publish, listen, info, token, bench)

HELP = f"""\
tpush COMMAND --help has the options of each command, with examples.

exit statuses:
{table()}
"""


def parser() -> ArgumentParser:
    """Return what reads the command line."""
    tpush = ArgumentParser(
        prog="tpush",
        description="Publish to a push cluster, listen to it, and see who is there.",
        epilog=HELP,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = tpush.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        command = commands.add_parser(
            module.NAME,
            help=module.SUMMARY,
            description=module.SUMMARY[0].upper() + module.SUMMARY[1:] + ".",
            epilog=f"examples:\n{module.EXAMPLES}",
            formatter_class=RawDescriptionHelpFormatter,
            # An option that is added must not change what somebody's script means.
            allow_abbrev=False,
        )
        module.add_options(command)
        command.set_defaults(run=module.run)
    return tpush


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line says.

    Args:
        arguments: without the program's name; the default is this process's own.

    Returns:
        The exit status.
    """
    asked = parser().parse_args(arguments)
    try:
        status: int = asked.run(asked, os.environ)
        sys.stdout.flush()
    except Ended as error:
        return _say(error, error.status)
    except PublishFailed as error:
        return _say(error, status_of(error))
    except UnsafeSecret as error:
        return _say(error, Status.USAGE)
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        # Whoever read this has enough, as `head` has. What is left must not fail once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.OK
    return status


def _say(error: Exception, status: int) -> int:
    print(f"tpush: {error}", file=sys.stderr)
    return status
