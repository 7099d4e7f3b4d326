"""What an answer means."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tests.http.fake import ACCEPTED, RECEIPT, answer, problem
from tpush.http import (
    Counts,
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    Outcome,
    Problem,
    PublishFailed,
    Receipt,
    Rejected,
    StrangeAnswer,
    TryLater,
    WorkersMissing,
)
from tpush.http.outcome import Accepted, Answer, read_outcomes

DATE = "Tue, 15 Nov 1994 08:12:31 GMT"
LATER = "Tue, 15 Nov 1994 08:12:41 GMT"


def read(status: int, said: object) -> Outcome:
    [outcome] = read_outcomes(answer(status, said), 1, batch=False)
    return outcome


class OneTests(SynchronousTestCase):
    """The answer to one publish."""

    def test_good(self) -> None:
        """Accepted, or a receipt."""
        self.assertEqual(read(200, ACCEPTED), Accepted())
        self.assertEqual(read(200, RECEIPT), Receipt(Counts(1, 1, 1), 2, 0))

    def test_problems(self) -> None:
        """Each problem is an error that says what can be done."""
        for status, name, kind in (
            (400, "bad-request", Rejected), (413, "too-large", Rejected),
            (401, "unauthorized", NotAllowed), (403, "cross-site", NotAllowed),
            (404, "no-such-resource", Rejected), (404, "no-such-connection", NoSuchConnection),
            (500, "internal", StrangeAnswer), (503, "try-later", TryLater),
            (504, "workers-missing", WorkersMissing), (429, "", TryLater), (504, "", NotReachable),
        ):  # fmt: skip
            with self.assertRaises(PublishFailed) as failed:
                read(status, problem(status, name))
            error = failed.exception
            self.assertIs(type(error), kind)
            self.assertEqual(str(error), f"the publisher answered {status}: so it is")
            self.assertEqual(error.problem, Problem(status, name, "so it is"))

    def test_workers_missing(self) -> None:
        """What is known so far comes with it; how many are missing may not be known."""
        for missing in (2, None):
            said = {**RECEIPT, "missing": missing}
            with self.assertRaises(WorkersMissing) as failed:
                read(504, problem(504, "workers-missing", receipt=said))
            self.assertEqual(failed.exception.receipt, Receipt(Counts(1, 1, 1), 2, missing))

    def test_others(self) -> None:
        """What a proxy, or no publisher at all, has answered is told by its status."""
        for status, body, kind in (
            (502, b"<html>Bad Gateway", TryLater), (503, b"", TryLater), (504, b"", NotReachable),
            (413, b"too large\n", Rejected), (301, b"", StrangeAnswer), (200, b"ok", StrangeAnswer),
            (200, b"{}", StrangeAnswer), (200, b'{"accepted": false}', StrangeAnswer),
            (204, b"", StrangeAnswer), (200, b"[" * 100_000, StrangeAnswer),
        ):  # fmt: skip
            with self.assertRaises(PublishFailed) as failed:
                read_outcomes(Answer(status, body), 1, batch=False)
            self.assertIs(type(failed.exception), kind, body)
            self.assertLess(len(str(failed.exception)), 300)

    def test_text_of_others(self) -> None:
        """What somebody else says cannot forge a line, or colour a terminal."""
        for said in (problem(400, detail="a\nb\x1b[1m"), "a\nb\x1b[1m"):
            with self.assertRaises(Rejected) as failed:
                read(400, said)
            self.assertTrue(str(failed.exception).isprintable())

    @cases(300)
    @given(
        st.integers(200, 599),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from([
                        *("accepted", "status", "type", "detail", "receipt", "written"),
                        *("dropped", "pending", "workers", "missing"),
                    ]),
                    inner,
                )
            ),
        ),
        st.booleans(),
    )
    def test_any_answer(self, status: int, said: Any, batch: bool) -> None:  # noqa: FBT001
        """Any answer is an outcome or a failure of ours, and nothing else."""
        try:
            outcomes = read_outcomes(answer(status, said), 2, batch=batch)
        except PublishFailed:
            return
        self.assertEqual(len(outcomes), 2 if batch else 1)


class BatchTests(SynchronousTestCase):
    """The answer to a batch."""

    def test_each(self) -> None:
        """Each has its own, in its place."""
        said = [ACCEPTED, problem(404, "no-such-connection"), RECEIPT]
        accepted, missing, receipt = read_outcomes(answer(200, said), 3, batch=True)
        self.assertEqual((accepted, receipt), (Accepted(), Receipt(Counts(1, 1, 1), 2, 0)))
        self.assertIsInstance(missing, NoSuchConnection)

    def test_as_a_whole(self) -> None:
        """One that was refused, or is not of this length, has failed as a whole."""
        for status, said, kind in (
            (401, problem(401, "unauthorized"), NotAllowed),
            (200, [ACCEPTED], StrangeAnswer),
            (200, ACCEPTED, StrangeAnswer),
        ):
            with self.assertRaises(kind):
                read_outcomes(answer(status, said), 2, batch=True)


class PauseTests(SynchronousTestCase):
    """For how long a publisher wants to be left alone, :rfc:`9110#section-10.2.3`."""

    def test_pause(self) -> None:
        """Seconds, or a date; what is neither says nothing."""
        for said, date, seconds in (
            ("3", "", 3), ("0", "", 0), ("", "", 0), ("soon", "", 0), ("-1", "", 0), ("٣", "", 0),
            (LATER, DATE, 10), (DATE, LATER, 0), (LATER, "", 0), (LATER, "today", 0),
            (LATER, "Tue, 15 Nov 1994 08:12:31", 0),
            (f"Tue, 15 Nov {'9' * 20} 08:12:31 GMT", DATE, 0),
        ):  # fmt: skip
            pause = Answer(503, json.dumps({}).encode(), said, date).pause
            self.assertEqual(pause, seconds, (said, date))
