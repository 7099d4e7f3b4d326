"""What keeps a publish from being answered as it should be, by what its sender can do.

::

    TPushError
    └── PublishFailed
        ├── NotReachable        no answer, or a proxy got none: it may have been published, or not;
    │                       try again later                                           504
        ├── StrangeAnswer       who answered is no publisher: look at the URL
        ├── Rejected            it will never be taken as it is                       400, 413, …
        │   └── NotAllowed      the API key is missing or wrong                       401, 403
        ├── NoSuchConnection    it was for a connection that is gone                  404
        ├── TryLater            there is too much to do: try again later              429, 502, 503
        └── WorkersMissing      it was published, and not all have told what of it    504
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tpush.errors import TPushError
from tpush.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Problem:
    """What a publisher says is wrong: a problem detail, :rfc:`9457`.

    Args:
        status: the HTTP status.
        name: such as ``no-such-connection``; "" where whoever answered gave none.
        detail: what is wrong, for people.
        receipt: what is known of what became of it, where something is.
    """

    status: int
    name: str = ""
    detail: str = ""
    receipt: Receipt | None = None


class PublishFailed(TPushError):
    """The root of all that keeps a publish from being answered as it should be.

    Args:
        text: what is wrong.
        problem: what the publisher says of it, if it says something.
    """

    def __init__(self, text: str, problem: Problem | None = None) -> None:
        super().__init__(text)
        self.problem = problem


class NotReachable(PublishFailed):
    """No answer came, or not all of it: it may have been published, or not."""


class StrangeAnswer(PublishFailed):
    """Whoever answered is no publisher of tpush."""


class Rejected(PublishFailed):
    """It was not published, and will not be as it is."""


class NotAllowed(Rejected):
    """The API key is missing or wrong."""


class NoSuchConnection(PublishFailed):
    """It was for a connection that nobody has, or has any more."""


class TryLater(PublishFailed):
    """The publisher, or a proxy, has too much to do, or the channel or the publisher is away."""


class WorkersMissing(PublishFailed):
    """It was published, and not all workers have told in time what became of it."""

    @property
    def receipt(self) -> Receipt | None:
        """What is known of it."""
        return self.problem.receipt if self.problem else None


TEMPORARY = (NotReachable, TryLater)
"""What another attempt may mend."""

_BY_STATUS: Mapping[int, type[PublishFailed]] = {
    401: NotAllowed,
    403: NotAllowed,
    429: TryLater,
    502: TryLater,
    503: TryLater,
    504: NotReachable,
}
_BY_NAME: Mapping[str, type[PublishFailed]] = {
    "no-such-connection": NoSuchConnection,
    "workers-missing": WorkersMissing,
}


def failure(problem: Problem) -> PublishFailed:
    """Return the error that a problem is."""
    kind = _BY_NAME.get(problem.name) or _BY_STATUS.get(problem.status)
    if kind is None:
        kind = Rejected if 400 <= problem.status < 500 else StrangeAnswer
    said = f": {problem.detail}" if problem.detail else ""
    return kind(f"the publisher answered {problem.status}{said}", problem)
