"""Who is connected."""

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.message import BROADCAST, ConnectionID
from tpush.pusher.audience import Audience


class AudienceTests(SynchronousTestCase):
    """An audience gives ids and finds members by them."""

    @override
    def setUp(self) -> None:
        self.audience: Audience[str] = Audience()

    def test_ids_count_up_from_one(self) -> None:
        """The first member is 1, the next is 2."""
        self.assertEqual([self.audience.add("a"), self.audience.add("b")], [1, 2])

    def test_an_id_is_never_given_again(self) -> None:
        """A member that comes after another has left gets a new id."""
        self.audience.remove(self.audience.add("a"))
        self.assertEqual(self.audience.add("b"), 2)

    def test_one(self) -> None:
        """A member is found by its id."""
        self.audience.add("a")
        second = self.audience.add("b")
        self.assertEqual(list(self.audience.receivers("worker/1", second)), ["b"])

    def test_nobody(self) -> None:
        """An id that was not given yet, or whose member has left, is nobody's."""
        gone = self.audience.add("a")
        self.audience.remove(gone)
        self.audience.remove(gone)
        self.assertEqual(list(self.audience.receivers("worker/1", gone)), [])
        self.assertEqual(list(self.audience.receivers("worker/1", ConnectionID(2))), [])
        self.assertEqual(len(self.audience), 0)

    def test_everyone(self) -> None:
        """All members that are there, and no other."""
        self.audience.add("a")
        self.audience.remove(self.audience.add("b"))
        self.audience.add("c")
        self.assertEqual(list(self.audience.receivers(BROADCAST, None)), ["a", "c"])
