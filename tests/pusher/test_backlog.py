"""What waits for a slow client."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tpush.pusher.backlog import Backlog, BacklogFull, SlowPolicy

LIMIT = 10


class BacklogTests(SynchronousTestCase):
    """Each policy at its bound."""

    def fill(self, policy: SlowPolicy, *each: bytes) -> tuple[list[bytes], int]:
        backlog = Backlog(LIMIT, policy)
        dropped = sum(backlog.add(frames, 1) for frames in each)
        kept = []
        while (frames := backlog.take()) is not None:
            kept.append(frames)
        self.assertEqual((backlog.size, len(backlog)), (0, 0))
        return kept, dropped

    def test_fits(self) -> None:
        """What fits waits in order, whatever the policy."""
        for policy in SlowPolicy:
            self.assertEqual(self.fill(policy, b"12345", b"67890"), ([b"12345", b"67890"], 0))

    def test_disconnect(self) -> None:
        """One byte more is the end."""
        self.assertRaises(BacklogFull, self.fill, SlowPolicy.DISCONNECT, b"1" * 10, b"2")

    def test_drop_newest(self) -> None:
        """What comes is dropped, and what fits after it is not."""
        kept, dropped = self.fill(SlowPolicy.DROP_NEWEST, b"1" * 6, b"2" * 6, b"3" * 4)
        self.assertEqual((kept, dropped), ([b"1" * 6, b"3" * 4], 1))

    def test_drop_oldest(self) -> None:
        """No more is dropped than has to be."""
        kept, dropped = self.fill(SlowPolicy.DROP_OLDEST, b"1" * 4, b"2" * 4, b"3" * 4)
        self.assertEqual((kept, dropped), ([b"2" * 4, b"3" * 4], 1))

    def test_keep_latest(self) -> None:
        """All that waited is dropped."""
        kept, dropped = self.fill(SlowPolicy.KEEP_LATEST, b"1" * 4, b"2" * 4, b"3" * 4)
        self.assertEqual((kept, dropped), ([b"3" * 4], 2))

    def test_larger_than_the_bound(self) -> None:
        """What can never fit is dropped, and nothing makes room for it."""
        for policy in (SlowPolicy.DROP_NEWEST, SlowPolicy.DROP_OLDEST, SlowPolicy.KEEP_LATEST):
            kept, dropped = self.fill(policy, b"1" * 4, b"2" * 11)
            self.assertEqual((kept, dropped), ([b"1" * 4], 1), policy)

    @settings(derandomize=True, deadline=None)
    @given(
        st.sampled_from([it for it in SlowPolicy if it is not SlowPolicy.DISCONNECT]),
        st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3), st.booleans())),
    )
    def test_accounts(self, policy: SlowPolicy, steps: list[tuple[int, int, bool]]) -> None:
        """Never over the bound; each message is taken, waits or was counted as dropped."""
        backlog = Backlog(LIMIT, policy)
        added = dropped = taken = 0
        counts: dict[bytes, int] = {}
        for number, (size, messages, take) in enumerate(steps):
            frames = b"%d" % number + b"x" * size
            counts[frames] = messages
            added += messages
            dropped += backlog.add(frames, messages)
            self.assertLessEqual(backlog.size, LIMIT)
            if take and (out := backlog.take()) is not None:
                taken += counts[out]
        self.assertEqual(added, dropped + taken + len(backlog))
