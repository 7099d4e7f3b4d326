"""Directives whose content is the code's own: options, limits, and close codes."""

import dataclasses
import importlib
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tpush.command.status import MEANINGS
from tpush.limits import Limits
from tpush.options.option import Option
from tpush.pusher.closing import TABLE


def rows(table: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table; the first row is its head."""
    head, *body = table
    rule = tuple("---" for _ in head)
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *body)]


def option_row(option: Option) -> tuple[str, ...]:
    """Return what the table says of one option."""
    default = f"`{option.default}`" if option.default else ""
    return f"`--{option.name}`", f"`{option.variable}`", default, option.help


class Generated(SphinxDirective):
    """Parses lines as if they stood in the page."""

    required_arguments = 0
    optional_arguments = 1

    def lines(self) -> list[str]:
        """Return the lines."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Return what the lines mean."""
        container = nodes.container()
        self.state.nested_parse(StringList(self.lines()), 0, container)
        return [*container.children]


class OptionTable(Generated):
    """The options of the role whose module is the argument."""

    def lines(self) -> list[str]:
        """Return a table with a row for each."""
        role: Any = importlib.import_module(self.arguments[0]).Options
        head = ("option", "variable", "default", "what it says")
        return rows([head, *map(option_row, role.table)])


class LimitTable(Generated):
    """Every limit with its default."""

    def lines(self) -> list[str]:
        """Return a table with a row for each."""
        fields = dataclasses.fields(Limits)
        said = _said(Limits.__doc__ or "")
        table = [(f"`{f.name}`", f"{f.default:,}", said[f.name]) for f in fields]
        return rows([("limit", "default", "what it bounds"), *table])


class CloseTable(Generated):
    """Every close code of ours."""

    def lines(self) -> list[str]:
        """Return a table with a row for each."""
        table = [(str(close.code), close.reason, close.returns) for close in TABLE]
        return rows([("close code", "reason", "come back"), *table])


class StatusTable(Generated):
    """Every exit status of the command."""

    def lines(self) -> list[str]:
        """Return a table with a row for each."""
        table = [(str(int(status)), meaning) for status, meaning in MEANINGS.items()]
        return rows([("status", "when"), *table])


def _said(docstring: str) -> dict[str, str]:
    """Read what a Google-style docstring says of each argument."""
    said: dict[str, str] = {}
    name = ""
    for line in docstring.partition("Args:")[2].splitlines():
        head, colon, rest = line.strip().partition(": ")
        if line.startswith(" " * 8) and not line.startswith(" " * 9) and colon:
            name, said[head] = head, rest
        elif line.strip() and name:
            said[name] += " " + line.strip()
    return said


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("option-table", OptionTable)
    app.add_directive("limit-table", LimitTable)
    app.add_directive("close-table", CloseTable)
    app.add_directive("status-table", StatusTable)
    return {"parallel_read_safe": True}
