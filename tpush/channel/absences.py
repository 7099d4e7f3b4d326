"""How much a broker has routed, and how much of it those have had who come back. Pure."""

MOST_FORGOTTEN = 10_000
"""Sessions of which it is known what they had; the others are taken to have had nothing."""


class Absences:
    """Knows who has missed something while the broker had no session of theirs."""

    __slots__ = ("_forgotten", "_routed")

    def __init__(self) -> None:
        self._routed = 0
        self._forgotten: dict[bytes, int] = {}
        """How much was routed when a session was forgotten that had had all of it; by its token."""

    def routed(self) -> None:
        """Note that something is routed, which who is away misses."""
        self._routed += 1

    def forgotten(self, token: bytes) -> None:
        """Note that a session is forgotten, and had all that was routed until now."""
        self._forgotten[token] = self._routed
        if len(self._forgotten) > MOST_FORGOTTEN:
            del self._forgotten[next(iter(self._forgotten))]

    def had(self, token: bytes) -> int:
        """Return how much was routed up to the end of a session, for a program that is back."""
        return self._forgotten.pop(token, 0)

    def missed(self, had: int) -> bool:
        """Say whether more has been routed since."""
        return self._routed > had
