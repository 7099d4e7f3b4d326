"""What a defect is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Defect:
    """One change for the worse.

    Args:
        name: what is wrong.
        owner: the class, or the module, that has it.
        function: which function of that is changed.
        spoil: returns what stands in its place, given what stood there.
    """

    name: str
    owner: Any
    function: str
    spoil: Callable[[Any], Any]

    @property
    def place(self) -> str:
        """Where it is, for people."""
        module = getattr(self.owner, "__module__", self.owner.__name__)
        path = module.removeprefix("tpush.").replace(".", "/") + ".py"
        owner = getattr(self.owner, "__qualname__", "")
        return f"{path} {owner}{'.' if owner else ''}{self.function}"

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have it, for as long as this lasts."""
        sound = getattr(self.owner, self.function)
        setattr(self.owner, self.function, self.spoil(sound))
        try:
            yield
        finally:
            setattr(self.owner, self.function, sound)
