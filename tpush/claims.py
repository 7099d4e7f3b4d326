"""What a client's token says, :rfc:`7519#section-4.1`. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says.

    Args:
        user: who its holder is, its ``sub``.
        groups: what the holder may join.
        publish: the groups that the holder may publish to.
        seconds: from now that it is valid, leeway included; None is without end.
    """

    user: str | None = None
    groups: frozenset[str] = frozenset()
    publish: frozenset[str] = frozenset()
    seconds: float | None = None
