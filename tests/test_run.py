"""What the last line of `make test` says."""

from io import StringIO
from unittest import TestSuite

from twisted.trial.reporter import TreeReporter
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.run import OPTIONAL, tally


class Examples(SynchronousTestCase):
    """One test that passes, and some that are skipped."""

    def passes(self) -> None:
        pass

    def lacks_a_program(self) -> None:
        raise SkipTest("there is no browser")

    def lacks_what_is_optional(self) -> None:
        raise SkipTest(f"{OPTIONAL}there is no suite")

    def lacks_it_too(self) -> None:
        raise SkipTest(f"{OPTIONAL}there is no suite")

    def fails(self) -> None:
        self.fail("on purpose")


def said(*names: str) -> list[str]:
    """Return what trial says when it runs these."""
    stream = StringIO()
    result = TreeReporter(stream)
    TestSuite(map(Examples, names)).run(result)
    result.done()
    return stream.getvalue().splitlines()


class TallyTests(SynchronousTestCase):
    """Passed, failed and skipped tests are counted by what trial prints."""

    def test_skipped(self) -> None:
        """A skipped test fails in CI, and nowhere else."""
        lines = said("passes", "lacks_a_program")
        self.assertEqual(tally(lines, ci=False), (1, 0, 1))
        self.assertEqual(tally(lines, ci=True), (1, 1, 0))

    def test_optional(self) -> None:
        """What is optional may be skipped in CI too, and excuses nothing else."""
        lines = said("passes", "lacks_what_is_optional", "lacks_a_program", "lacks_it_too")
        self.assertEqual(tally(lines, ci=False), (1, 0, 3))
        self.assertEqual(tally(lines, ci=True), (1, 1, 2))

    def test_failed(self) -> None:
        """A failure is one, whatever is skipped."""
        lines = said("fails", "lacks_it_too")
        self.assertEqual(tally(lines, ci=True), (0, 1, 1))
