"""What ends a command, other than its end."""

from tpush.command.status import Status


class Ended(Exception):
    """A command has failed.

    Args:
        text: why, for people: one line.
        status: the same for scripts.
    """

    def __init__(self, text: str, status: Status = Status.FAILED) -> None:
        super().__init__(text)
        self.status = status


class Lost(Ended):
    """A connection could not be made or has ended, and another one may do better.

    Args:
        text: why, for people: one line.
        status: the same for scripts.
        opened: whether it had been there.
    """

    def __init__(self, text: str, status: Status, *, opened: bool) -> None:
        super().__init__(text, status)
        self.opened = opened


class WrongUsage(Ended):
    """A command cannot be done as it was asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text, Status.USAGE)
