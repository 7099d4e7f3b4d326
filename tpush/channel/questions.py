"""What a program has asked the broker, which answers at once.

A question is a numbered request like any other, and is sent again to whichever broker comes next.
So there may be a part of an answer before the whole of another: what was told last counts.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tpush.recalled import Recalled


class Question:
    """One of them.

    Args:
        places: that it asks about.
    """

    __slots__ = ("answer", "told")

    def __init__(self, places: int) -> None:
        self.answer: Deferred[Sequence[Recalled]] = Deferred()
        self.told = [Recalled()] * places


class Questions:
    """Those that have not been answered, by the number of their request."""

    def __init__(self) -> None:
        self._asked: dict[int, Question] = {}

    def ask(self, number: int, places: int) -> Deferred[Sequence[Recalled]]:
        """Wait for an answer that tells of so many places."""
        question = self._asked[number] = Question(places)
        return question.answer

    def tell(self, number: int, index: int, recalled: Recalled) -> None:
        """Take a part of an answer."""
        question = self._asked.get(number)
        if question is not None and index < len(question.told):
            question.told[index] = recalled

    def answer(self, number: int) -> None:
        """Take that an answer is whole."""
        question = self._asked.pop(number, None)
        if question is not None:
            question.answer.callback(question.told)

    def fail(self, reason: Exception) -> None:
        """Give up all."""
        asked, self._asked = self._asked, {}
        for question in asked.values():
            question.answer.errback(Failure(reason))
