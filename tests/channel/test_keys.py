"""Keys that make a publish harmless to repeat."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import run_machine
from tpush.channel.keys import MAX_WAITERS, Keys
from tpush.receipt import Counts, Receipt

COMPLETE = Receipt(Counts(1), 1, 0)
MISSING = Receipt(Counts(), 0, None)
MOST, SECONDS = 3, 10.0
ME, OTHER = b"me", b"other"


class KeysTests(SynchronousTestCase):
    """A key is known to have been had, and what became of that."""

    def test_waiters(self) -> None:
        """Those who ask early wait, up to a bound, and are told together."""
        keys: Keys[int] = Keys(MOST, SECONDS)
        self.assertIsNone(keys.take("k", ME, 0, asked=True))
        known = keys.take("k", ME, 0, asked=True)
        assert known is not None
        waiting = [known.ask(number) for number in range(MAX_WAITERS + 1)]
        self.assertEqual(waiting, [True] * MAX_WAITERS + [False])
        self.assertEqual(keys.answer("k", ME, COMPLETE), list(range(MAX_WAITERS)))
        self.assertFalse(known.ask(1))
        self.assertEqual(known.receipt, COMPLETE)

    def test_better_receipt(self) -> None:
        """A receipt that is complete takes the place of one that is not, and none its own."""
        keys: Keys[int] = Keys(MOST, SECONDS)
        keys.take("k", ME, 0, asked=True)
        for told, kept in ((MISSING, MISSING), (COMPLETE, COMPLETE), (MISSING, COMPLETE)):
            self.assertEqual(keys.answer("k", ME, told), [])
            known = keys.take("k", ME, 0, asked=True)
            assert known is not None
            self.assertEqual(known.receipt, kept)

    def test_told_once(self) -> None:
        """Who was told something is not told again when more is known."""
        keys: Keys[int] = Keys(MOST, SECONDS)
        keys.take("k", ME, 0, asked=True)
        known = keys.take("k", ME, 0, asked=True)
        assert known is not None
        known.ask(1)
        self.assertEqual(keys.answer("k", ME, MISSING), [1])
        self.assertEqual(keys.answer("k", ME, COMPLETE), [])

    def test_of_another(self) -> None:
        """Who has repeated a publish does not say what became of it."""
        keys: Keys[int] = Keys(MOST, SECONDS)
        keys.take("k", ME, 0, asked=True)
        known = keys.take("k", OTHER, 0, asked=True)
        assert known is not None
        known.ask(1)
        self.assertEqual(keys.answer("k", OTHER, MISSING), [])
        self.assertEqual(keys.answer("k", ME, COMPLETE), [1])

    def test_of_a_key_that_is_forgotten(self) -> None:
        """What was told of a key that is forgotten is nothing to anybody."""
        self.assertEqual(Keys[int](MOST, SECONDS).answer("k", ME, COMPLETE), [])

    def test_machine(self) -> None:
        """Whatever is published and when, a key is taken once in its time."""
        run_machine(KeysMachine, 100, 30)


class KeysMachine(RuleBasedStateMachine):
    """Keys, beside a list of what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Keys[int] = Keys(MOST, SECONDS)
        self.now = 0.0
        self.taken: list[tuple[str, float]] = []

    @rule(seconds=st.integers(0, 12))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(key=st.sampled_from("abcd"), asked=st.booleans())
    def take(self, *, key: str, asked: bool) -> None:
        kept = [name for name, when in self.taken if self.now - when < SECONDS][-MOST:]
        known = self.keys.take(key, ME, self.now, asked=asked)
        assert (known is not None) == (key in kept)
        if known is None:
            self.taken.append((key, self.now))

    @invariant()
    def bounded(self) -> None:
        assert len(self.keys) <= MOST
