"""Who gets what."""

# ruff: noqa: N802 - assertions are named as trial's own

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import run_machine
from tpush.channel.hub import Hub


def anyone(peer: str) -> bool:
    return True


def nobody(peer: str) -> bool:
    return False


class HubTests(SynchronousTestCase):
    @override
    def setUp(self) -> None:
        self.hub: Hub[str] = Hub()

    def subscribe(self, event: str, *peers: str) -> None:
        for peer in peers:
            self.hub.subscribe(peer, event)

    def assertTurn(self, event: str, expected: str, prefer: Callable[[str], bool] = anyone) -> None:
        self.assertEqual([self.hub.choose(event, prefer) for _ in expected], list(expected))

    def test_subscribers(self) -> None:
        """A message goes to those that subscribed to its event, and to nobody else."""
        self.subscribe("news", "a", "b")
        self.subscribe("sport", "b", "c")
        self.assertEqual(list(self.hub.subscribers("news")), ["a", "b"])
        self.assertEqual(list(self.hub.subscribers("sport")), ["b", "c"])
        self.assertEqual(list(self.hub.subscribers("new")), [])

    def test_subscribed_twice(self) -> None:
        """One that subscribes twice is one subscriber, and keeps its turn."""
        self.subscribe("news", "a", "b", "a")
        self.assertEqual(len(self.hub), 2)
        self.assertTurn("news", "aba")

    def test_unsubscribe(self) -> None:
        """A subscription that is taken back is gone, and only that."""
        self.subscribe("news", "a", "b")
        self.subscribe("sport", "a")
        self.hub.unsubscribe("a", "news")
        self.assertEqual(list(self.hub.subscribers("news")), ["b"])
        self.assertEqual(self.hub.events("a"), ["sport"])

    def test_unsubscribe_what_is_not(self) -> None:
        """Taking back what is not there changes nothing."""
        self.hub.unsubscribe("a", "news")
        self.subscribe("news", "a")
        self.hub.unsubscribe("a", "sport")
        self.hub.unsubscribe("b", "news")
        self.assertEqual(list(self.hub.subscribers("news")), ["a"])

    def test_leave(self) -> None:
        """One that leaves has no subscription any more."""
        self.subscribe("news", "a", "b")
        self.subscribe("sport", "a")
        self.hub.leave("a")
        self.hub.leave("c")
        self.assertEqual((self.hub.events("a"), len(self.hub)), ([], 1))
        self.assertEqual(list(self.hub.subscribers("news")), ["b"])
        self.assertEqual(list(self.hub.subscribers("sport")), [])

    def test_events_sorted(self) -> None:
        """The events of a peer are listed in order of their names."""
        for event in ("c", "a", "b"):
            self.hub.subscribe("x", event)
        self.assertEqual(self.hub.events("x"), ["a", "b", "c"])

    def test_turns(self) -> None:
        """A message for one goes to each subscriber in turn."""
        self.subscribe("work", "a", "b", "c")
        self.assertTurn("work", "abcabc")

    def test_turns_of_each_event(self) -> None:
        """Each event has a turn of its own."""
        self.subscribe("work", "a", "b")
        self.subscribe("play", "a", "b")
        self.assertTurn("work", "a")
        self.assertTurn("play", "ab")
        self.assertTurn("work", "b")

    def test_preferred(self) -> None:
        """One that is not preferred is passed over, and keeps its turn."""
        self.subscribe("work", "a", "b", "c")
        self.assertTurn("work", "bcb", prefer=lambda peer: peer != "a")
        self.assertTurn("work", "acb")

    def test_none_preferred(self) -> None:
        """Where none is preferred they take turns all the same."""
        self.subscribe("work", "a", "b")
        self.assertTurn("work", "aba", prefer=nobody)

    def test_nobody(self) -> None:
        """Where nobody subscribed, nobody is chosen."""
        self.assertIsNone(self.hub.choose("work", anyone))
        self.subscribe("work", "a")
        self.hub.leave("a")
        self.assertIsNone(self.hub.choose("work", anyone))

    def test_any_run(self) -> None:
        """Turns are fair and nothing is left behind, whatever is subscribed and taken back."""
        run_machine(HubMachine, examples=60, steps=50)


PEERS = st.integers(0, 4)
EVENTS = st.sampled_from(["x", "y"])


class HubMachine(RuleBasedStateMachine):
    """A hub beside a set of pairs, and the time since when each pair waits."""

    def __init__(self) -> None:
        super().__init__()
        self.hub: Hub[int] = Hub()
        self.since: dict[tuple[str, int], int] = {}
        self.time = 0

    def tick(self) -> int:
        self.time += 1
        return self.time

    def subscribed(self, event: str) -> set[int]:
        return {peer for name, peer in self.since if name == event}

    @rule(peer=PEERS, event=EVENTS)
    def subscribe(self, peer: int, event: str) -> None:
        self.hub.subscribe(peer, event)
        self.since.setdefault((event, peer), self.tick())

    @rule(peer=PEERS, event=EVENTS)
    def unsubscribe(self, peer: int, event: str) -> None:
        self.hub.unsubscribe(peer, event)
        self.since.pop((event, peer), None)

    @rule(peer=PEERS)
    def leave(self, peer: int) -> None:
        self.hub.leave(peer)
        self.since = {pair: since for pair, since in self.since.items() if pair[1] != peer}

    @rule(event=EVENTS)
    def publish(self, event: str) -> None:
        got = list(self.hub.subscribers(event))
        assert len(got) == len(set(got))
        assert set(got) == self.subscribed(event)

    @rule(event=EVENTS, preferred=st.sets(PEERS))
    def choose(self, event: str, preferred: set[int]) -> None:
        chosen = self.hub.choose(event, preferred.__contains__)
        among = self.subscribed(event) & preferred or self.subscribed(event)
        longest = min(among, key=lambda peer: self.since[event, peer], default=None)
        assert chosen == longest
        if chosen is not None:
            self.since[event, chosen] = self.tick()

    @invariant()
    def same(self) -> None:
        assert len(self.hub) == len(self.since)
        for peer in range(5):
            assert self.hub.events(peer) == sorted(e for e, p in self.since if p == peer)
        assert set(self.hub._subscribers) == {event for event, _ in self.since}
        assert set(self.hub._events) == {peer for _, peer in self.since}
