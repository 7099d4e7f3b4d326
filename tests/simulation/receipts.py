"""What is promised of receipts, held against what happened."""

from collections.abc import Collection

from tests.simulation.journal import Connection, Journal, Publish
from tests.simulation.world import World

TOLD = frozenset({"200", "404", "504"})
"""Statuses of an answer that is a receipt."""

LATE = 0.1
"""Seconds by which a publisher may be late without a fault: its turns take their time."""


def check_receipts(world: World) -> None:
    """Check that no receipt said what was not so."""
    journal = world.journal
    got: dict[Publish, list[Connection]] = {}
    for connection in journal.connections:
        for publish, _ in connection.got:
            got.setdefault(publish, []).append(connection)
    for publish in journal.publishes:
        if publish.accepted is not None and publish.asks and publish.outcome in TOLD:
            if publish.target is None or publish.target[0] not in journal.shared:
                check_receipt(world, publish, got.get(publish, []))
            check_time(world, publish)


def check_receipt(world: World, publish: Publish, got: Collection[Connection]) -> None:
    """Check one receipt against those who *got* the message."""
    journal = world.journal
    counts = {name: publish.receipt.get(name, 0) for name in ("written", "pending", "dropped")}
    meant = [each for each in journal.connections if publish.target in {None, each.address}]
    # Those that were cut off: a kernel may have had it for them.
    ended = sum(each not in got and each.ended is not None for each in meant) + journal.ungreeted

    def breach(what: str) -> None:
        journal.breach(
            f"publish {publish.number} was answered {publish.outcome} {publish.receipt}, {what}"
        )

    if counts["written"] > len(got) + ended:
        breach(f"and {len(got)} got it, {ended} ended")
    if counts["dropped"] > len(meant) - len(got) + journal.ungreeted:
        breach(f"and {len(got)} of {len(meant)} got it")
    if publish.receipt.get("matched", 0) != sum(counts.values()):
        breach("which does not add up")
    if publish.outcome == "504":
        if publish.receipt["missing"] == 0:
            breach("and nobody is missing")
    elif not may_be_more(journal, publish, got):
        said = counts["written"] + counts["pending"]
        if said < len(got):
            breach(f"and {len(got)} got it")


def may_be_more(journal: Journal, publish: Publish, got: Collection[Connection]) -> bool:
    """Say whether a receipt may say less than was so.

    It may where a worker was away when one channel routed the message, and another channel that
    came before or after that one routed it too.
    """
    deaths = any(death >= publish.when for death in journal.deaths)
    gaps = [gap for each in got for gap in journal.attendance[each.process].gaps]
    return deaths and any(end >= publish.when for _, end, _ in gaps)


def check_time(world: World, publish: Publish) -> None:
    """Check that a receipt did not come too late."""
    took = publish.answered - publish.when
    disturbed = publish.through in world.journal.disturbed
    if took > world.limits.receipt_wait + LATE and not disturbed:
        world.journal.breach(f"the receipt of publish {publish.number} took {took:.3f} s")
