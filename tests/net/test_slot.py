"""The place of one worker, with processes that do what they are told to, on one Clock."""

from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.errors import NotReplaced
from tpush.net.moment import Moment
from tpush.net.slot import Slot, Work


class FakeProcess:
    """A process that starts, answers and ends when the test says so."""

    def __init__(self, settings: str = "") -> None:
        self.settings = settings
        self.up: Moment[bool] = Moment()
        self.told: Moment[None] = Moment()
        self.ended: Moment[str] = Moment()
        self.configured: Deferred[object] = Deferred()
        self.did: list[str] = []

    def configure(self, _role: str, settings: str) -> Deferred[object]:
        self.settings = settings
        return self.configured

    def ping(self) -> Deferred[object]:
        answer: Deferred[object] = Deferred()
        answer.callback({})
        return answer

    def stop(self) -> None:
        self.did.append("stop")

    def signal(self, name: str) -> None:
        self.did.append(name)
        if name == "KILL":
            self.end("signal 9")

    def start(self) -> None:
        self.configured.callback({})

    def end(self, why: str = "status 0") -> None:
        if not self.configured.called:
            self.configured.errback(ConnectionLost())
        self.up.happen(False)  # noqa: FBT003
        self.ended.happen(why)


class SlotTests(SynchronousTestCase):
    """There is a process that serves, whatever becomes of others."""

    @override
    def setUp(self) -> None:
        self.clock = Clock()
        self.processes: list[FakeProcess] = []
        self.patch_process()
        self.work = Work("role", "settings", ending=30)
        self.slot = Slot(0, self.work, [], self.clock)
        self.slot.start()
        self.first.start()

    def patch_process(self) -> None:
        def make(*_: Any) -> FakeProcess:
            self.processes.append(FakeProcess())
            return self.processes[-1]

        patcher = patch("tpush.net.slot.WorkerProcess", make)
        patcher.start()
        self.addCleanup(patcher.stop)

    @override
    def tearDown(self) -> None:
        stopped = Deferred.fromCoroutine(self.slot.stop())
        for process in self.processes:
            process.end()
        self.successResultOf(stopped)
        self.clock.advance(10)  # a last look at those that there were
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def first(self) -> FakeProcess:
        return self.processes[0]

    @property
    def last(self) -> FakeProcess:
        return self.processes[-1]

    def test_dies(self) -> None:
        """One that dies is started again: soon, and then after longer and longer pauses."""
        pauses = []
        for _ in range(4):
            count, began = len(self.processes), self.clock.seconds()
            self.last.end("signal 9")
            while len(self.processes) == count:
                self.clock.advance(1 / 64)
            pauses.append(round(self.clock.seconds() - began, 1))
            self.last.start()
        self.assertEqual(pauses, [0.1, 0.2, 0.4, 0.8])

    def test_replaced(self) -> None:
        """The next one serves before the one that there was is told to end."""
        self.work.settings = "new settings"
        replaced = self.slot.replace()
        self.assertEqual((len(self.processes), self.first.did), (2, []))
        self.assertNoResult(replaced)
        self.last.start()
        ended = self.successResultOf(replaced)
        self.assertEqual(self.first.did, ["stop"])
        self.assertEqual(self.last.settings, "new settings")
        self.assertFalse(ended.happened)
        self.first.end()
        self.assertTrue(ended.happened)
        self.clock.advance(60)
        self.assertEqual((len(self.processes), self.last.did), (2, []))

    def test_does_not_end(self) -> None:
        """One that was replaced and does not end in its time is killed."""
        replaced = self.slot.replace()
        self.last.start()
        self.successResultOf(replaced)
        for _ in range(29):
            self.clock.advance(1)
        self.assertEqual(self.first.did, ["stop"])
        self.clock.advance(2)
        self.assertEqual(self.first.did, ["stop", "KILL"])

    def test_does_not_come_up(self) -> None:
        """The one that there was stays where the next one dies, or takes too long."""
        replaced = self.slot.replace()
        self.last.end("status 1")
        self.failureResultOf(replaced, NotReplaced)
        replaced = self.slot.replace()
        with capturedLogs():
            self.clock.advance(61)
        self.failureResultOf(replaced, NotReplaced)
        self.assertEqual(self.first.did, [])
        self.assertEqual(len(self.processes), 3)

    def test_dies_while_it_is_replaced(self) -> None:
        """One that dies before the next one is up is not started again: the next one serves."""
        replaced = self.slot.replace()
        self.first.end("signal 9")
        self.clock.advance(60 - 1)
        self.assertEqual(len(self.processes), 2)
        self.last.start()
        self.assertTrue(self.successResultOf(replaced).happened)
        self.clock.advance(60)
        self.assertEqual(len(self.processes), 2)

    def test_both_die(self) -> None:
        """Where both die one is started again."""
        for order in ([0, 1], [1, 0]):
            count = len(self.processes)
            replaced = self.slot.replace()
            pair = self.processes[count - 1], self.last
            for index in order:
                pair[index].end("signal 9")
            self.failureResultOf(replaced, NotReplaced)
            self.clock.advance(10)
            self.assertEqual(len(self.processes), count + 2)
            self.last.start()

    def test_while_none_serves(self) -> None:
        """Where none serves there is nothing to replace: the next one is a new one."""
        self.first.end("signal 9")
        self.assertTrue(self.successResultOf(self.slot.replace()).happened)
        self.clock.advance(10)
        self.last.start()
        self.assertEqual(len(self.processes), 2)

    def test_told(self) -> None:
        """One that somebody told to end is replaced first; if that fails it ends all the same."""
        self.first.told.happen(None)
        self.assertEqual((len(self.processes), self.first.did), (2, []))
        self.last.start()
        self.assertEqual(self.first.did, ["stop"])
        self.first.end()
        second = self.last
        second.told.happen(None)
        self.last.end("status 1")
        self.assertEqual(second.did, ["stop"])
        second.end()
        self.clock.advance(1)
        self.assertEqual(len(self.processes), 4)
        self.last.start()

    def test_stop(self) -> None:
        """All are told to end, and one that serves nobody yet is killed."""
        replaced = self.slot.replace()
        self.last.start()
        self.successResultOf(replaced)
        newest = self.slot.replace()
        stopped = Deferred.fromCoroutine(self.slot.stop())
        self.assertEqual(
            [process.did for process in self.processes], [["stop", "stop"], ["stop"], ["KILL"]]
        )
        self.assertNoResult(stopped)
        for process in self.processes:
            process.end()
        self.successResultOf(stopped)
        self.assertNoResult(newest)
        self.clock.advance(60)
        self.assertEqual(len(self.processes), 3)

    def test_hang_up(self) -> None:
        """A SIGHUP goes to the one that serves."""
        self.slot.hang_up()
        self.assertEqual(self.first.did, ["HUP"])
