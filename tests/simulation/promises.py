"""What is promised, held against what happened."""

from bisect import bisect_right
from itertools import pairwise

from tests.simulation.journal import Address, Connection, Journal, Publish
from tests.simulation.receipts import check_receipts
from tests.simulation.roles import CHANNEL
from tests.simulation.world import World
from tpush.pusher.closing import MISSED, RESTART, SLOW

GIVEN_UP = ("lost", "refused", "late")
"""What a back end makes of a publish that it had no answer to."""

ACCEPTED = ("200", "404", "504")
"""Answers to a publish that was taken; the last two are receipts."""

TOLD = f"closed with {MISSED.code}"
"""How a connection ends whose client is to know that it may have missed something."""

MUCH = 64 * 1024
"""Bytes that all messages of a world come to, and more."""


def check_told(world: World) -> None:
    """Check what browsers got and back ends were told, once all is settled."""
    journal = world.journal
    for publish in journal.publishes:
        check_answer(world, publish)
    for publisher in journal.accepted:
        check_publisher(journal, publisher)
    for connection in journal.connections:
        check_connection(world, connection)
    if len({worker.service.worker for worker in world.workers}) < len(world.workers):
        journal.breach("two workers have the same id")
    check_jobs(world)
    check_receipts(world)


def check_stopped(world: World) -> None:
    """Check that the channel has nothing of anybody, once everybody has left."""
    broker, breach = world.channel.broker, world.journal.breach
    if names := [session.peer.name for session in broker.sessions]:
        breach(f"the channel has sessions of {names}, who have left")
    if len(broker._hub):
        breach(f"the channel has {len(broker._hub)} subscriptions of nobody")
    if broker._queues.names or broker.due() is not None:
        breach(f"the channel has queues that nobody uses: {broker._queues.names}")


def check_ended(world: World) -> None:
    """Check that nothing is left, once every role has stopped."""
    breach = world.journal.breach
    if up := [role.name for role in world.roles if not role.stopped]:
        breach(f"{up} did not stop")
    for worker in world.workers:
        if worker.service.factory.audience:
            breach(f"{worker.name} has an audience, and everybody has left")
    for publisher in world.publishers:
        if requests := publisher.service.site.load.requests:
            breach(f"{publisher.name} has {requests} requests, and nobody asks")
    if calls := world.timeline.pending():
        breach(f"calls are left on the clock: {calls}")
    if links := [link.place for link in world.network.links()]:
        breach(f"connections are left: {links}")


def check_answer(world: World, publish: Publish) -> None:
    """Check that a publish was settled, and answered by what became of it."""
    taken, outcome = publish.accepted is not None, publish.outcome
    breach, disturbed = world.journal.breach, publish.through in world.journal.disturbed
    if not outcome:
        breach(f"publish {publish.number} was never settled")
    elif outcome in GIVEN_UP:
        if not disturbed:
            breach(f"publish {publish.number} was {outcome}, and nothing befell {publish.through}")
    elif (outcome in ACCEPTED) != taken:
        what = "was taken" if taken else "was not taken"
        breach(f"publish {publish.number} was answered {outcome}, and {what}")
    elif outcome not in ACCEPTED:
        full = world.limits.held_items < len(world.journal.publishes)
        if outcome != "503" or not (full or disturbed):
            breach(f"publish {publish.number} was answered {outcome}")


def check_connection(world: World, connection: Connection) -> None:
    """Check that a connection was ended by something that befell it."""
    if connection.ended is None or connection.how == "left" or connection.disturbed:
        return
    taken = connection.how == f"closed with {RESTART.code}"
    forgotten = world.journal.deaths or CHANNEL in world.journal.disturbed
    if taken and connection.address[0] in world.journal.shared and forgotten:
        return  # the other worker with its id came first to a channel that knew neither any more
    gaps = world.journal.attendance[connection.process].gaps
    if connection.how == TOLD and any(ended <= connection.ended for _, ended, _ in gaps):
        return
    slow = connection.how == f"closed with {SLOW.code}" and world.limits.pending < MUCH
    if not slow and connection.role not in world.journal.disturbed:
        what = f"{connection.address} of {connection.process} was {connection.how}"
        world.journal.breach(f"{what}, and nothing befell it")


def check_publisher(journal: Journal, publisher: str) -> None:
    """Check that every connection got what one publisher took: once, in order, and all of it."""
    accepted = journal.accepted[publisher]
    private: dict[Address, list[int]] = {}
    for publish in accepted:
        if publish.target is not None:
            private.setdefault(publish.target, []).append(publish.place)
    for_all = [publish.place for publish in accepted if publish.target is None]
    for connection in journal.connections:
        got = [(each.place, time) for each, time in connection.got if each.publisher == publisher]
        places = [place for place, _ in got]
        alone = private.get(connection.address)
        expected = sorted(for_all + alone) if alone else for_all
        if connection.address[0] in journal.shared:
            # Until one of the two has been refused there may be two connections of an address.
            expected = [place for place in expected if place in places or place in for_all]
        if places != expected:
            for one, two in pairwise(places):
                if two <= one:
                    what = "twice" if two == one else f"after {accepted[one].number}"
                    journal.breach(f"{connection.address} got {accepted[two].number} {what}")
            missing = sorted(set(expected).difference(places))
            for place in missing:
                if not may_miss(journal, connection, accepted[place], got):
                    journal.breach(f"{connection.address} never got {accepted[place].number}")


def may_miss(
    journal: Journal, connection: Connection, publish: Publish, got: list[tuple[int, float]]
) -> bool:
    """Say whether a connection may have missed a message.

    Args:
        journal: of all that happened.
        connection: which.
        publish: what it did not get.
        got: the places of what it got of the same publisher, and when.
    """
    if publish.lost:
        return True
    if publish.when <= connection.opened and (not got or publish.place < got[0][0]):
        return True  # it came later
    if connection.ended is not None and (not got or publish.place > got[-1][0]):
        return True  # it went before
    for began, ended, told in journal.attendance[connection.process].gaps:
        before = bisect_right(got, began, key=lambda pair: pair[1])
        if publish.when <= ended and (not before or publish.place > got[before - 1][0]):
            # It was routed while the worker was away.
            return not told or connection.how == TOLD
    return False


def check_jobs(world: World) -> None:
    """Check that every job that the channel had was done; twice only where somebody was lost."""
    journal = world.journal
    names = [role.name for role in (world.channel, *world.consumers)]
    disturbed = any(name in journal.disturbed for name in names)
    # What it had not been told of it enqueued again.
    disturbed |= any(name.startswith("producer") for name in journal.forgotten)
    for number, job in enumerate(journal.jobs):
        kept = not any(death >= job.asked for death in journal.deaths)
        if job.enqueued and kept and not job.done:
            journal.breach(f"job {number} was never done")
        if len(job.done) > 1 and not disturbed:
            journal.breach(f"job {number} was done {len(job.done)} times")
