"""What an option is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tpush.kinds import server_endpoint
from tpush.limits import Limits

DEFAULTS = Limits()
SECRET = "TPUSH_SECRET"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Args:
        name: without dashes.
        default: as it is written on a command line.
        kind: turns text into the value, or raises ValueError with what it should be.
        help: a phrase, with its unit.
        repeats: whether it may be given more than once; its variable is split at white space.
        flag: it takes no value: it is given or not.
        limit: the field of :class:`~tpush.limits.Limits` that it sets, if it sets one.
    """

    name: str
    default: str
    kind: Callable[[str], Any]
    help: str
    repeats: bool = False
    flag: bool = False
    limit: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "TPUSH_" + self.name.upper().replace("-", "_")

    @property
    def type(self) -> type:
        """Of its value, or of each where it repeats: bool, int, float or str."""
        if self.flag:
            return bool
        return type(self.kind(self.default)) if self.default else str


def listen(default: str, what: str, name: str = "listen") -> Option:
    """Return the option that says where a role listens."""
    phrase = f"server endpoint where {what}; may be repeated"
    return Option(name, default, server_endpoint, phrase, repeats=True)
