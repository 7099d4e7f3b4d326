"""Who is connected."""

from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.message import BROADCAST, ConnectionID, Message, Target, WorkerID, group_event
from tpush.pusher.audience import Audience


def message(
    event: str,
    connection: ConnectionID | None = None,
    also: tuple[Target, ...] = (),
    but: tuple[Target, ...] = (),
) -> Message:
    """Return a message for those."""
    return Message(event, b"x", True, connection, None, also, but)  # noqa: FBT003


class AudienceTests(SynchronousTestCase):
    """An audience gives ids and finds members by them."""

    @override
    def setUp(self) -> None:
        self.audience: Audience[str] = Audience(WorkerID(1))

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
        self.assertEqual(list(self.audience.receivers(message("worker/1", second))), ["b"])

    def test_nobody(self) -> None:
        """An id that was not given yet, or whose member has left, is nobody's."""
        gone = self.audience.add("a")
        self.audience.remove(gone)
        self.audience.remove(gone)
        self.assertEqual(list(self.audience.receivers(message("worker/1", gone))), [])
        self.assertEqual(list(self.audience.receivers(message("worker/1", ConnectionID(2)))), [])
        self.assertEqual(len(self.audience), 0)

    def test_everyone(self) -> None:
        """All members that are there, and no other."""
        self.audience.add("a")
        self.audience.remove(self.audience.add("b"))
        self.audience.add("c")
        self.assertEqual(list(self.audience.receivers(message(BROADCAST))), ["a", "c"])

    def test_targets(self) -> None:
        """Whoever is in several targets has it once, and who is in one of the others not."""
        a, b, c, d = map(self.audience.add, "abcd")
        for member, group in ((a, "x"), (b, "x"), (b, "y"), (c, "y")):
            self.audience.join(member, group_event(group))
        x, y = (group_event("x"), None), (group_event("y"), None)
        own = ("worker/1", d)
        for also, but, expected in (
            ((y,), (), "abc"),
            ((y, own, own), (), "abcd"),
            ((y,), (x,), "c"),
            ((y,), (("worker/1", b),), "ac"),
            ((), ((BROADCAST, None),), ""),
        ):
            found = self.audience.receivers(message(*x, also, but))
            self.assertEqual("".join(sorted(found)), expected)

    def test_of_another_worker(self) -> None:
        """An id of another worker's is nobody here, whatever else the message is for."""
        member = self.audience.add("a")
        other = ("worker/2", member)
        self.assertEqual(list(self.audience.receivers(message(*other))), [])
        self.assertEqual(list(self.audience.receivers(message("x", None, (other,)))), [])
        got = self.audience.receivers(message(BROADCAST, None, (), (other,)))
        self.assertEqual(list(got), ["a"])
        self.audience.worker = WorkerID(2)
        self.assertEqual(list(self.audience.receivers(message(*other))), ["a"])
