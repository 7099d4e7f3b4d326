"""Counters as rates."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tpush.pusher.rates import EVERY, SPAN, Rates
from tpush.pusher.sampler import Sampler


class RatesTests(SynchronousTestCase):
    """What is added in a second, over the last few."""

    def test_nothing(self) -> None:
        """Before the first sample nothing is known, and nothing is told."""
        self.assertEqual(Rates().per_second(5.0, {"a": 7}), {"a": 0.0})

    def test_the_last_seconds(self) -> None:
        """What was before the span counts no more, however much it was."""
        rates = Rates()
        for second in range(20):
            rates.sample(second, {"a": 1_000_000 + 3 * second, "b": 0})
        self.assertEqual(rates.per_second(19.0, {"a": 1_000_057, "b": 0}), {"a": 3.0, "b": 0.0})
        # From the sample at 14 s, which is as old as the span: ten more in 5.5 s.
        self.assertEqual(rates.per_second(19.5, {"a": 1_000_067, "b": 1})["a"], round(25 / 5.5, 3))

    def test_the_beginning(self) -> None:
        """What happened in the first moment is not taken for what goes on all the time."""
        rates = Rates()
        rates.sample(10.0, {"a": 0})
        self.assertEqual(rates.per_second(10.001, {"a": 5}), {"a": 5 / EVERY})
        self.assertEqual(rates.per_second(12.0, {"a": 5}), {"a": 2.5})

    def test_a_gap(self) -> None:
        """Who was stopped for a while tells the rate over that while."""
        rates = Rates()
        for now, count in ((0.0, 0), (1.0, 10), (61.0, 130)):
            rates.sample(now, {"a": count})
        self.assertEqual(rates.per_second(61.0, {"a": 130}), {"a": 2.0})

    def test_bounded(self) -> None:
        """No more samples are kept than the span needs."""
        rates = Rates()
        for second in range(1_000):
            rates.sample(second * EVERY, {"a": second})
        self.assertEqual(len(rates._samples), SPAN / EVERY + 1)


class SamplerTests(SynchronousTestCase):
    """The counters are looked at every second, until there is an end."""

    def test_sampled(self) -> None:
        """The rate follows the counters, and falls when nothing is added any more."""
        clock, counts = Clock(), {"a": 0}
        sampler = Sampler(clock, lambda: dict(counts))
        sampler.startService()
        for _ in range(10):
            counts["a"] += 4
            clock.advance(EVERY)
        self.assertEqual(sampler.per_second(), {"a": 4.0})
        clock.pump([EVERY] * 6)
        self.assertEqual(sampler.per_second(), {"a": 0.0})
        sampler.stopService()
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_never_started(self) -> None:
        """One that was not started may be stopped."""
        Sampler(Clock(), dict).stopService()
