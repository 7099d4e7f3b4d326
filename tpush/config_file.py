"""A file of options, in TOML: names without dashes in front; what may be repeated is an array.

A file for one role has its options at the top, one for several has a table for each, and nothing
outside of them::

    [channel]
    listen = ["tcp:2206:interface=10.0.0.5"]

    [ws]
    channel = "tcp:10.0.0.5:2206"
    workers = 4

What is read is text, as on a command line: what a value means is up to its option alone.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from difflib import get_close_matches
from typing import Any

from tpush.access import read_file
from tpush.options.option import Option

TABLES = ("channel", "ws", "http", "tpush")
"""The roles: ``twistd tpush-ws`` is ``[ws]``, and so on; ``twistd tpush`` is all of them."""

TYPES: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a string",
    list: "an array",
    dict: "a table",
    date: "a date",
    time: "a time",
}
"""What TOML calls them; a date with a time is a date to Python."""


INTEGERS = range(-(2**63), 2**63)
"""Those of TOML; Python reads longer ones in hex, and does not write them."""


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody says of an option.

    Args:
        source: where, as an error is to have it.
        texts: each as on a command line.
    """

    source: str
    texts: Sequence[str]


def read_options(path: str, role: str, options: Sequence[Option]) -> dict[str, Given]:
    """Return what a file says of a role's options, by their names.

    Args:
        path: the file.
        role: ``tpush``, or ``tpush-`` and the name of its table.
        options: that the role takes, and a file may give.

    Raises:
        UnsafeSecret: the file cannot be read, or others may write it.
        ValueError: it is no TOML, or has what is no option; or a value's type is wrong.
    """
    where, values = _of_role(path, role.removeprefix("tpush-"), _parse(path))
    known = {option.name: option for option in options}
    given = {}
    for name, value in values.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f": is it {near[0]}?" if near else ""
            raise ValueError(f"{where}{_shown(name)} is no option of {role}{hint}")
        given[name] = _given(known[name], f"{where}{name}", value)
    return given


def _parse(path: str) -> dict[str, Any]:
    content = read_file(path, private=False)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))  # as some editors write it
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:  # a number may be too long for Python, too
        raise ValueError(f"{path} is no TOML: {error}") from None


def _of_role(path: str, table: str, said: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return what errors begin with, and what is said to one role.

    Raises:
        ValueError: there are tables, and none for it, or one for nobody, or something beside them.
    """
    if not any(isinstance(value, dict) for value in said.values()):
        return f"{path}: ", said
    for name, value in said.items():
        if not isinstance(value, dict):
            raise ValueError(
                f"{path}: {_shown(name)} stands outside the tables: put it into that of each role "
                "that is to take it"
            )
        if name not in TABLES:
            raise ValueError(f"{path}: [{_shown(name)}] is no role: there are {', '.join(TABLES)}")
    if table not in said:
        raise ValueError(f"{path} has tables, and none is [{table}]")
    return f"{path}: [{table}] ", said[table]


def _given(option: Option, source: str, value: Any) -> Given:
    """Return what a value says, which has to be of the option's type.

    Raises:
        ValueError: it is not; which value it is, is not said.
    """
    return Given(source, (_texts if option.repeats else _text)(option, source, value))


def _texts(option: Option, source: str, value: Any) -> Sequence[str]:
    if not isinstance(value, list):
        raise ValueError(f"{source} is an array of strings, not {_kind(value)}")
    if not value and option.default:
        raise ValueError(f"{source} is an array of one string at the least")
    for each in value:
        if not isinstance(each, str):
            raise ValueError(f"{source} is an array of strings, and has {_kind(each)} in it")
    return value


def _text(option: Option, source: str, value: Any) -> Sequence[str]:
    takes = (int, float) if option.type is float else (option.type,)
    if type(value) not in takes:
        wanted = " or ".join(TYPES[each] for each in takes)
        raise ValueError(f"{source} is {wanted}, not {_kind(value)}")
    if isinstance(value, bool):
        return ["1" if value else "0"]
    if isinstance(value, int) and value not in INTEGERS:
        raise ValueError(f"{source} has more digits than an integer of TOML")
    return [str(value)]


def _kind(value: Any) -> str:
    return next((name for kind, name in TYPES.items() if isinstance(value, kind)), "that")


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)
