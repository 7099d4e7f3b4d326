"""Whom a message is for. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ADDRESS = re.compile("([0-9]{1,16}):([0-9]{1,16})")


@dataclass(frozen=True, slots=True)
class Everybody:
    """All connections of the cluster; :data:`EVERYBODY` is one."""

    def as_dict(self) -> Mapping[str, object]:
        """Return it as the API has it."""
        return {"broadcast": True}


@dataclass(frozen=True, slots=True)
class Group:
    """The clients that have joined a group."""

    name: str

    def as_dict(self) -> Mapping[str, object]:
        """Return it as the API has it."""
        return {"group": self.name}


@dataclass(frozen=True, slots=True)
class User:
    """All connections of a user: those whose token has this ``sub``."""

    name: str

    def as_dict(self) -> Mapping[str, object]:
        """Return it as the API has it."""
        return {"user": self.name}


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection, by the two numbers that it was greeted with."""

    worker: int
    connection: int

    @classmethod
    def read(cls, text: str) -> "Connection":
        """Return what ``worker:connection`` names.

        Raises:
            ValueError: it is not two numbers.
        """
        address = ADDRESS.fullmatch(text)
        if address is None:
            raise ValueError("an address is worker:connection, two numbers")
        return cls(int(address[1]), int(address[2]))

    def as_dict(self) -> Mapping[str, object]:
        """Return it as the API has it."""
        return {"connection": f"{self.worker}:{self.connection}"}


Target = Everybody | Group | User | Connection
Targets = Target | Sequence[Target]

EVERYBODY = Everybody()


def targets_as(targets: Targets) -> object:
    """Return one target, or a list of them, as the API has it."""
    if isinstance(targets, Sequence):
        return [each.as_dict() for each in targets]
    return targets.as_dict()
