"""``tpush publish --lines``, with a publisher that accepts all."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from tests.command.test_main import CommandCase
from tpush.http import ACCEPTED, NO_RETRY, Outcome, Publish
from tpush.http.sending import Sending, with_keys

MAX_BODY = 1024 * 1024
"""That a publisher takes by default."""


class FakePublisher:
    """Notes each batch, and how long its request is."""

    batches: Sequence[Sequence[Publish]] = ()
    longest = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        FakePublisher.batches, FakePublisher.longest = [], 0

    def __enter__(self) -> "FakePublisher":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def batch(self, publishes: Sequence[Publish]) -> Sequence[Outcome]:
        keyed = [*with_keys(publishes, NO_RETRY, str)]
        request = Sending(keyed, NO_RETRY, lambda: 0.0, batch=True).request
        FakePublisher.batches = [*FakePublisher.batches, publishes]
        FakePublisher.longest = max(FakePublisher.longest, len(request.body))
        return [ACCEPTED] * len(publishes)


class LinesTests(CommandCase):
    """Each line is a message of its own."""

    def lines(self, stdin: bytes, *arguments: str) -> int:
        with patch("tpush.command.publish.BlockingPublisher", FakePublisher):
            return self.run_it("publish", "--lines", *(arguments or ["--broadcast"]), stdin=stdin)

    @property
    def published(self) -> Sequence[Any]:
        return [publish.content for batch in FakePublisher.batches for publish in batch]

    def test_all(self) -> None:
        """In their order, the last too that nothing ends, and without what ends them."""
        self.assertEqual(self.lines(b"one\r\n\ntwo\nthree"), 0)
        self.assertEqual(self.published, ["one", "", "two", "three"])
        many = [str(n) for n in range(2500)]
        self.assertEqual(self.lines("\n".join(many).encode()), 0)
        self.assertEqual(self.published, many)
        self.assertEqual(max(map(len, FakePublisher.batches)), 1000)

    def test_wrong(self) -> None:
        """One that cannot be published ends it, by its number; those before it are published."""
        for stdin, more, said in (
            (b"a\nb\n\xffc\nd\n", [], "line 3: the message is not UTF-8 at byte 0"),
            (b"1\n2\n{\n3\n", ["--json"], "line 3: the message is no JSON"),
            (b"\xff", [], "line 1: the message is not UTF-8 at byte 0"),
        ):
            self.assertEqual(self.lines(stdin, "--broadcast", *more), 2)
            self.assertEqual(self.err, f"tpush: {said}\n")
            self.assertEqual(len(self.published), 0 if stdin == b"\xff" else 2)

    def test_room(self) -> None:
        """No request is longer than a publisher takes, whomever the lines are for."""
        users = [f"--user=user number {n} of ninety-nine" for n in range(99)]
        self.assertEqual(self.lines(b"x\n" * 1000, *users), 0)
        self.assertEqual(len(self.published), 1000)
        self.assertLess(FakePublisher.longest, MAX_BODY)
        long, short = b"x" * 700_000, b"\x01" * 60
        self.assertEqual(self.lines(b"\n".join([long, *[short] * 1000, long])), 0)
        self.assertEqual(len(self.published), 1002)
        self.assertLess(FakePublisher.longest, MAX_BODY)
