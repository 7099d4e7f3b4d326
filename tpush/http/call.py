"""An order or a question on its way: sent again until it is answered. Pure.

Orders may be sent again: done twice, it is as if they had been done once.
"""

from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import override

from tpush.http.errors import TEMPORARY, NotReachable, PublishFailed
from tpush.http.outcome import Answer, read_said
from tpush.http.request import Exchange, Request
from tpush.http.retry import Retry


class Call(Exchange):
    """One request.

    Args:
        request: it.
        retry: when to try again.
        chance: returns a random number, 0 to 1.
    """

    def __init__(self, request: Request, retry: Retry, chance: Callable[[], float]) -> None:
        self._request = request
        self._retry = retry
        self._chance = chance
        self._failures = 0
        self._error: PublishFailed | None = NotReachable("it was not sent")
        self._said: Mapping[str, Any] = {}

    @property
    @override
    def request(self) -> Request:
        return self._request

    @override
    def answered(self, answer: Answer) -> float | None:
        try:
            self._said = read_said(answer)
        except PublishFailed as error:
            return self.failed(error, answer.pause)
        self._error = None
        return None

    @override
    def failed(self, error: PublishFailed, asked: float = 0.0) -> float | None:
        self._error = error
        self._failures += 1
        if not isinstance(error, TEMPORARY):
            return None
        return self._retry.pause(self._failures, asked, self._chance())

    def said(self) -> Mapping[str, Any]:
        """Return what was answered.

        Raises:
            PublishFailed: it was not, or not as it should be.
        """
        if self._error is not None:
            raise self._error
        return self._said
