"""Bounds, and what they ask of each other."""

from twisted.trial.unittest import SynchronousTestCase

from tpush.limits import BATCH_BYTES, BOX, MAX_CONTENT, SHARED, Limits, share


class LimitsTests(SynchronousTestCase):
    def test_together(self) -> None:
        """Bounds that do not go together are refused."""
        for wrong in (
            {"content": MAX_CONTENT + 1},
            {"box": BOX - 1},
            {"batch_bytes": BATCH_BYTES + 1},
            {"silence": 9.9, "heartbeat": 5},
        ):
            self.assertRaises(ValueError, Limits, **wrong)

    def test_share(self) -> None:
        """Workers share what is a bound of all together: rounded up, as 0 is no bound."""
        together = {"connections", "per_address", "drain_rate", "http_connections", "requests"}
        self.assertEqual(SHARED, together)
        given = {"connections": 0, "per_address": 1000, "requests": 1, "fields": 7}
        expected = {"connections": 0, "per_address": 334, "requests": 1, "fields": 7}
        self.assertEqual(share(given, 3), expected)
