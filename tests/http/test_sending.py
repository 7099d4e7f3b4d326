"""Publishes on their way: what is sent again, and when."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tests.http.fake import (
    FakeServer,
    Fault,
    answer,
    busy,
    in_part,
    lost,
    problem,
    refusing,
    unreachable,
)
from tpush.http import (
    ACCEPTED,
    EVERYBODY,
    NO_RETRY,
    NotAllowed,
    NotReachable,
    Outcome,
    Publish,
    PublishFailed,
    Rejected,
    Retry,
    TryLater,
)
from tpush.http.errors import TEMPORARY
from tpush.http.sending import MOST, Sending, with_keys

RETRY = Retry(attempts=4, first=1, longest=3, patience=30)


def send(sending: Sending, server: FakeServer) -> list[float]:
    """Carry out; return the pauses."""
    pauses: list[float] = []
    while True:
        try:
            pause = sending.answered(server.take(sending.request))
        except NotReachable as error:
            pause = sending.failed(error)
        if pause is None:
            return pauses
        pauses.append(pause)


class RetryTests(SynchronousTestCase):
    """Pauses grow, up to a bound, and are as long as the publisher asks for."""

    def test_growing(self) -> None:
        """Twice as long each time; half of it is chance."""
        for chance, expected in ((0.0, [0.5, 1.0, 1.5, None]), (1.0, [1.0, 2.0, 3.0, None])):
            pauses = [RETRY.pause(failures, 0, chance) for failures in range(1, 5)]
            self.assertEqual(pauses, expected)

    def test_asked(self) -> None:
        """What the publisher asks for comes first; too much is given up."""
        self.assertEqual(RETRY.pause(1, 5, 1.0), 6)
        self.assertEqual(RETRY.pause(1, 30, 1.0), 31)
        self.assertIsNone(RETRY.pause(1, 30.1, 1.0))

    def test_bounds(self) -> None:
        """What makes no sense is refused; very many attempts are not."""
        for wrong in ({"attempts": 0}, {"first": -1.0}, {"longest": -1.0}, {"patience": -0.1}):
            with self.assertRaises(ValueError):
                replace(RETRY, **wrong)
        patient = replace(RETRY, attempts=10**9, first=0.5)
        self.assertEqual(patient.pause(10**8, 0, 1.0), 3)
        self.assertEqual(replace(patient, longest=10**6).pause(16, 0, 1.0), 2**14)

    def test_none(self) -> None:
        """No pause at all is one too; and two attempts are more than one."""
        at_once = Retry(attempts=2, first=0.0, longest=0.0, patience=0.0)
        self.assertEqual((at_once.pause(1, 0, 1.0), at_once.pause(2, 0, 1.0)), (0, None))
        self.assertEqual([at_once.tries_again, NO_RETRY.tries_again], [True, False])


class OneTests(SynchronousTestCase):
    """One publish."""

    def one(self, *faults: Fault, retry: Retry = RETRY) -> Sequence[Outcome]:
        self.server = FakeServer(*faults)
        publishes = with_keys([Publish(EVERYBODY, "x")], retry, lambda: "drawn")
        sending = Sending(publishes, retry, lambda: 1.0, batch=False)
        self.pauses = send(sending, self.server)
        return sending.outcomes()

    def test_at_once(self) -> None:
        """It is sent once where all is well."""
        self.assertEqual(self.one(), [ACCEPTED])
        self.assertEqual((self.pauses, self.server.keys), ([], [["drawn"]]))
        self.assertEqual(self.server.requests[0].path, "v1/publish")

    def test_again(self) -> None:
        """It is sent again under its key, and published once, though an answer was lost."""
        self.assertEqual(self.one(unreachable, busy("2"), lost), [ACCEPTED])
        self.assertEqual(self.pauses, [1, 2 + 2, 3])
        self.assertEqual(self.server.keys, [["drawn"]] * 4)
        self.assertEqual(len(self.server.published), 1)

    def test_in_vain(self) -> None:
        """After the last attempt the last error stands."""
        with self.assertRaises(TryLater):
            self.one(*[unreachable] * 3, busy())
        self.assertEqual(len(self.server.requests), 4)
        with self.assertRaises(NotReachable):
            self.one(*[busy()] * 3, unreachable)

    def test_for_good(self) -> None:
        """What another attempt would not change is not tried again."""
        for status, name, kind in ((400, "bad-request", Rejected), (401, "", NotAllowed)):
            with self.assertRaises(kind):
                self.one(refusing(status, problem(status, name)))
            self.assertEqual(len(self.server.requests), 1)

    def test_too_long(self) -> None:
        """A publisher that wants an hour is given up at once."""
        with self.assertRaises(TryLater):
            self.one(busy("3600"))
        self.assertEqual(len(self.server.requests), 1)

    def test_without(self) -> None:
        """Where nothing is tried again no key is drawn."""
        with self.assertRaises(NotReachable):
            self.one(unreachable, retry=NO_RETRY)
        self.assertEqual(self.server.keys, [[""]])

    def test_alone(self) -> None:
        """It is one alone: of two the second would not be sent."""
        with self.assertRaises(ValueError):
            Sending([Publish(EVERYBODY, "x")] * 2, RETRY, lambda: 1.0, batch=False)

    def test_own_key(self) -> None:
        """A key that was given is kept."""
        [publish] = with_keys([Publish(EVERYBODY, "x", idempotency_key="mine")], RETRY, str)
        self.assertEqual(publish.idempotency_key, "mine")


class BatchTests(SynchronousTestCase):
    """A batch."""

    def batch(self, number: int, *faults: Fault) -> Sequence[Outcome]:
        self.server = FakeServer(*faults)
        keys = map(str, count())
        publishes = [Publish(EVERYBODY, f"{place}") for place in range(number)]
        sending = Sending(
            with_keys(publishes, RETRY, lambda: next(keys)), RETRY, lambda: 1.0, batch=True
        )
        self.pauses = send(sending, self.server)
        return sending.outcomes()

    def test_in_part(self) -> None:
        """Those that came too early are sent again, alone."""
        self.assertEqual(self.batch(4, in_part(1, 3), in_part(0)), [ACCEPTED] * 4)
        self.assertEqual(self.server.keys, [["0", "1", "2", "3"], ["1", "3"], ["1"]])
        self.assertEqual(self.server.requests[2].path, "v1/batch")

    def test_in_part_for_good(self) -> None:
        """Those that another attempt would not help are not sent again; the pause is as asked."""
        said = [{"accepted": True}, problem(400, "bad-request"), problem(503)]
        outcomes = self.batch(3, lambda server, request: answer(200, said, "5"))
        self.assertEqual((outcomes[0], outcomes[2]), (ACCEPTED, ACCEPTED))
        self.assertIsInstance(outcomes[1], Rejected)
        self.assertEqual((self.server.keys, self.pauses), ([["0", "1", "2"], ["2"]], [5 + 1]))

    def test_first_fails(self) -> None:
        """What became of the first alone is not raised: it is one of several."""
        said = [problem(400, "bad-request"), {"accepted": True}]
        rejected, accepted = self.batch(2, refusing(200, said))
        self.assertIsInstance(rejected, Rejected)
        self.assertEqual(accepted, ACCEPTED)

    def test_rest_fails(self) -> None:
        """Where the rest fails as a whole, what was accepted is not forgotten."""
        outcomes = self.batch(3, in_part(1), *[unreachable] * 3)
        self.assertEqual((outcomes[0], outcomes[2]), (ACCEPTED, ACCEPTED))
        self.assertIsInstance(outcomes[1], NotReachable)

    def test_as_a_whole(self) -> None:
        """What was the same for all is raised."""
        with self.assertRaises(NotReachable):
            self.batch(2, *[unreachable] * 4)
        with self.assertRaises(NotAllowed):
            self.batch(2, busy(), refusing(401, problem(401)))

    def test_bounds(self) -> None:
        """A batch has one publish at the least, and 1,000 at the most."""
        self.assertEqual(len(self.batch(MOST)), MOST)
        for number in (0, MOST + 1):
            with self.assertRaisesRegex(ValueError, "a batch has 1 to 1,000 publishes"):
                self.batch(number)

    @cases(300)
    @given(
        st.integers(1, 6),
        st.lists(
            st.sampled_from([unreachable, lost, busy(), busy("5"), refusing(400, problem(400))])
            | st.builds(lambda places: in_part(*places), st.sets(st.integers(0, 5))),
            max_size=6,
        ),
        st.integers(1, 5),
        st.floats(0, 1),
    )
    def test_any_faults(
        self, number: int, faults: list[Fault], attempts: int, chance: float
    ) -> None:
        """Whatever happens: bounded, published once, and what is told is true."""
        retry = replace(RETRY, attempts=attempts)
        keys = map(str, count())
        publishes = with_keys(
            [Publish(EVERYBODY, f"{n}", idempotency_key=f"k{n}") for n in range(number)],
            retry,
            lambda: next(keys),
        )
        server = FakeServer(*faults)
        sending = Sending(publishes, retry, lambda: chance, batch=True)
        pauses = send(sending, server)
        self.assertLessEqual(len(server.requests), attempts)
        self.assertEqual(len(pauses), len(server.requests) - 1)
        for pause in pauses:
            self.assertTrue(0.5 <= pause <= 5 + 3, pause)
        published = [each["key"] for each in server.published]
        self.assertEqual(len(published), len(set(published)), "published once")
        try:
            outcomes = sending.outcomes()
        except PublishFailed as error:
            if isinstance(error, TEMPORARY):
                self.assertEqual(len(server.requests), attempts)
            return
        for place, outcome in enumerate(outcomes):
            sent = [request for request in server.keys if f"k{place}" in request]
            if outcome == ACCEPTED:
                self.assertIn(f"k{place}", published)
            elif isinstance(outcome, TEMPORARY):
                self.assertEqual(len(sent), attempts)
        for request in server.requests:
            self.assertEqual(json.loads(request.body)[0]["to"], {"broadcast": True})
