"""``tpush``: finds out which command is meant, and says how it ended."""

import io
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
    _have_streams()
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
        # Whoever read this has enough, as `head` has.
        _print_no_more()
        return Status.OK
    except OSError as error:  # a full disk, or an input that is a folder
        _print_no_more()
        return _say(error, Status.FAILED)
    return status


def _have_streams() -> None:
    """Let streams that are closed be empty: a `cron` of its own, or ``>&-``, starts us so.

    Else what is told to people would go where contents go, and a socket could take their place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Others may have written what a terminal of few characters cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")


def _print_no_more() -> None:
    """Let what is still to be printed not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: Exception, status: int) -> int:
    print(f"tpush: {error}", file=sys.stderr)
    return status
