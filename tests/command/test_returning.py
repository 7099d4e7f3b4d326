"""Coming back where a connection is lost."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.command.test_main import CommandCase
from tpush.command.ending import Ended, Lost
from tpush.command.listen import Printer
from tpush.command.listener import CODES, ending
from tpush.command.returning import FIRST, MOST, STEADY, keep_coming_back
from tpush.command.status import Status
from tpush.pusher.closing import TABLE


def lost(*, opened: bool = True) -> Lost:
    return Lost("lost", Status.NOT_REACHABLE, opened=opened)


class ReturningTests(SynchronousTestCase):
    """One connection after the other."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.connections: list[Deferred[int]] = []
        self.told: list[str] = []
        coming = keep_coming_back(self.connect, self.clock, lambda: 1.0, self.told.append)
        self.ended = Deferred.fromCoroutine(coming)

    def connect(self) -> Awaitable[int]:
        self.connections.append(Deferred())
        return self.connections[-1]

    def lose(self, *, opened: bool = True) -> None:
        self.connections[-1].errback(lost(opened=opened))

    def assertPauses(self, seconds: float) -> None:  # noqa: N802 - named as trial's own
        """The next is made after so many, and no sooner."""
        made = len(self.connections)
        self.clock.advance(seconds - 0.01)
        self.assertEqual(len(self.connections), made)
        self.clock.advance(0.02)
        self.assertEqual(len(self.connections), made + 1)

    def test_comes_back(self) -> None:
        """Further and further apart, which is told, and without end."""
        self.lose()
        self.assertEqual(self.told, ["lost; coming back in 1.0 s"])
        self.assertPauses(FIRST)
        for pause in (2, 4, 8, 16, MOST, MOST):
            self.lose(opened=False)
            self.assertPauses(pause)
        self.connections[-1].callback(0)
        self.assertEqual(self.successResultOf(self.ended), 0)
        self.assertEqual(len(self.told), 7)

    def test_steady(self) -> None:
        """One that was there for a while is missed as the first was; one that was not is not."""
        self.lose()
        self.assertPauses(FIRST)
        self.clock.advance(STEADY / 2)
        self.lose()
        self.assertPauses(2 * FIRST)
        self.clock.advance(STEADY)
        self.lose()
        self.assertPauses(FIRST)
        self.clock.advance(STEADY)  # of an attempt: nobody has answered
        self.lose(opened=False)
        self.assertPauses(2 * FIRST)

    def test_never_there(self) -> None:
        """The first has to be made: nobody waits for a wrong URL."""
        self.lose(opened=False)
        self.failureResultOf(self.ended, Lost)
        self.assertEqual((self.told, self.clock.getDelayedCalls()), ([], []))

    def test_for_good(self) -> None:
        """What another connection would not change is the end, at once or later."""
        self.lose()
        self.assertPauses(FIRST)
        self.connections[-1].errback(Ended("no", Status.NOT_ALLOWED))
        self.assertEqual(self.failureResultOf(self.ended, Ended).value.status, 5)

    def test_cancelled(self) -> None:
        """A signal ends it in a pause, and while it is connected, and no line says otherwise."""
        self.lose()
        self.ended.cancel()
        self.failureResultOf(self.ended, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.setUp()
        self.ended.cancel()
        self.failureResultOf(self.ended, CancelledError)
        self.assertEqual(self.told, [])


class EndingTests(SynchronousTestCase):
    """After which ends one comes back, and how a command ends that does not."""

    def test_codes(self) -> None:
        """It is as the table of close codes has it."""
        for close in TABLE:
            ended = ending(close.code, close.reason, opened=True)
            self.assertEqual(isinstance(ended, Lost), close.returns != "no", close)
            self.assertEqual(ended.status, CODES[close.code])
            self.assertIn(f"{close.code}: {close.reason}", str(ended))

    def test_other_codes(self) -> None:
        """Those of others too: 4000 to 4499 may come back, and what RFC 6455 has for a failure."""
        for code, comes in (
            (1002, False), (1003, False), (1006, True), (1008, False), (1009, False), (1011, True),
            (1014, True), (3000, False), (3999, False), (4000, True), (4499, True), (4500, False),
            (4999, False),
        ):  # fmt: skip
            self.assertEqual(isinstance(ending(code, "", opened=True), Lost), comes, code)

    def test_refused(self) -> None:
        """So it is with a handshake, by its status."""
        for status, kind, ended in (
            (401, Ended, 5), (403, Ended, 5), (404, Ended, 1), (429, Lost, 6), (502, Lost, 6),
            (503, Lost, 6), (500, Ended, 1),
        ):  # fmt: skip
            said: Any = ending(
                1006, f"WebSocket connection upgrade failed [{status}]: no", opened=False
            )
            self.assertIs(type(said), kind, status)
            self.assertEqual((said.status, str(said)), (ended, f"the pusher answered {status}"))

    def test_reasons_of_others(self) -> None:
        """A reason moves no cursor, and is not taken for a handshake that was refused."""
        said = ending(4000, "upgrade failed [401]\x1b[2J", opened=True)
        self.assertEqual(
            str(said), r"the connection was closed with 4000: 'upgrade failed [401]\x1b[2J'"
        )
        self.assertIsInstance(said, Lost)


class PrinterTests(CommandCase):
    """What is printed of one connection after the other."""

    def test_again(self) -> None:
        """Each connection has its greeting, and contents are counted over all."""
        printer = Printer(as_json=False, count=2)
        done = []

        def take() -> int:
            for number in (1, 2):
                printer.begin()
                printer.take(b"workerID:7 connectionID:%d connected" % number, text=True)
                done.append(printer.take(b"hello", text=True))
            return 0

        self.capture(take)
        self.assertEqual(done, [False, True])
        self.assertEqual(self.out, "hello\nhello\n")
        self.assertEqual(self.err, "connected: 7:1\nconnected: 7:2\n")
