"""Workers are replaced one by one, while clients come and go."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.folder import short_folder
from tests.integration.members import Member, all_gone, gather, join
from tests.integration.processes import (
    Role,
    alive,
    eventually,
    healthy,
    kill,
    tell,
)
from tests.ports import free_port

CLIENTS = 60
DONE = "did what SIGHUP asks for"

BROKEN = """
import os, sys, time

if "tpush.net.worker" in " ".join(sys.orig_argv):
    while os.path.exists(os.environ["TEST_BROKEN"] + ".held"):
        time.sleep(0.02)
    if os.path.exists(os.environ["TEST_BROKEN"]):
        sys.exit("broken")
"""
"""Every interpreter imports this as it starts: no worker comes up while there is a certain file,
and one waits for as long as there is another."""


class RollingTests(SynchronousTestCase):
    """SIGHUP to the parent of a pusher's workers, which listen on TCP and on a unix socket."""

    @override
    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.broken, self.held = self.folder / "broken", self.folder / "broken.held"
        (self.folder / "sitecustomize.py").write_text(BROKEN)
        channel, self.port, http = free_port(), free_port(), free_port()
        where = f"--channel=tcp:127.0.0.1:{channel}"
        self.url = f"http://127.0.0.1:{http}/"
        self.start("tpush-channel", f"--listen=tcp:{channel}:interface=127.0.0.1")
        self.start("tpush-http", f"--listen=tcp:{http}:interface=127.0.0.1", where)
        self.unix = self.folder / "ws"
        self.pusher = self.start(
            "tpush-ws",
            f"--listen=tcp:{self.port}:interface=127.0.0.1",
            f"--listen=unix:{self.unix}",
            where,
            "--workers=2",
        )
        self.pusher.wait_for("connected to the channel", 2)
        self.pusher.wait_for("process . started", 2)
        eventually(lambda: healthy(self.url), "healthy")
        self.before = sorted(self.pusher.workers)
        self.assertEqual(len(self.before), 2)

    def start(self, *arguments: str) -> Role:
        role = Role(*arguments, environ={"TEST_BROKEN": str(self.broken)}, path=[self.folder])
        self.addCleanup(role.stop)
        return role

    def hang_up(self) -> None:
        os.kill(self.pusher.process.pid, signal.SIGHUP)

    def newcomer(self) -> int:
        """Return the process id of the worker that is being started, once it is."""

        def new() -> int:
            return next((pid for pid in self.pusher.workers if pid not in self.before), 0)

        return eventually(new, "another worker is started")

    def wait_for_new_workers(self) -> None:
        """Wait until two workers are left, and neither is one of those that there were."""

        def replaced() -> bool:
            workers = self.pusher.workers
            return len(workers) == 2 and not set(workers) & set(self.before)

        eventually(replaced, "both are replaced")

    async def push(self, members: list[Member]) -> None:
        """Push to all until each gets it: a new worker may not have reached the channel yet."""

        def pushed() -> bool:
            answer = requests.get(self.url, {"content": "hello"}, timeout=10)
            self.assertEqual(answer.text, "ok")
            return all(member.got for member in members)

        await asyncio.to_thread(eventually, pushed, "each has got it")

    async def while_connecting(self, act: Callable[[], None]) -> tuple[Counter[str], float]:
        """Do something, while clients connect all the time.

        Returns:
            How many were let in, told to come back, or refused; and the slowest, in seconds.
        """
        found: Counter[str] = Counter()
        slowest = 0.0
        acting = asyncio.create_task(asyncio.to_thread(act))

        async def connect(where: int | Path) -> None:
            nonlocal slowest
            while not acting.done():
                began = time.monotonic()
                try:
                    member = await join(where)
                except EOFError:
                    found["told"] += 1  # it was in its handshake when its worker went away
                except OSError as error:
                    found[f"refused: {error}"] += 1
                else:
                    found["in"] += 1
                    member.leave()
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.01)

        both: list[int | Path] = [self.port, self.unix]
        await asyncio.gather(*(connect(where) for where in both * 4))
        await acting
        return found, slowest

    def test_nobody_waits(self) -> None:
        """Nobody is refused or kept waiting; those who are there get 1001, and all is new."""

        async def run() -> None:
            members = await gather(self.port, CLIENTS)
            workers = {member.greeting.split()[0] for member in members}
            self.assertEqual(len(workers), 2)

            def replace() -> None:
                self.hang_up()
                self.pusher.wait_for(DONE)

            found, slowest = await self.while_connecting(replace)
            tell(f"{sum(found.values())} connects, the slowest {slowest:.2f} s")
            self.assertEqual(set(found) - {"in", "told"}, set())
            self.assertLess(found["told"], 10)
            self.assertGreater(found["in"], 50)
            self.assertLess(slowest, 2)
            self.assertEqual(await all_gone(members), {1001: CLIENTS})
            members = await gather(self.port, CLIENTS)
            new = {member.greeting.split()[0] for member in members}
            self.assertEqual((len(new), new & workers), (2, set()))
            await self.push(members)

        asyncio.run(run())
        self.wait_for_new_workers()
        self.assertNotIn("Traceback", self.pusher.log)
        self.assertEqual(self.pusher.stop(deadline=10), 0)
        self.assertFalse(self.unix.exists())

    def test_once_more(self) -> None:
        """SIGHUPs that come meanwhile ask for one more round afterwards, not for two at once."""
        self.held.touch()
        for times in range(1, 4):
            self.hang_up()
            self.pusher.wait_for("replacing 2 workers", times)  # two at once may be one signal
        self.held.unlink()
        most = 0

        def done() -> bool:
            nonlocal most
            most = max(most, len(self.pusher.workers))
            return self.pusher.log.count(DONE) == 3

        eventually(done, "all is done")
        self.assertLess(most, 5)
        self.assertEqual(self.pusher.log.count("process 0 started"), 3)
        self.assertEqual(self.pusher.log.count("process 1 started"), 3)
        self.wait_for_new_workers()

    def test_does_not_come_up(self) -> None:
        """Where a new worker does not come up the old one stays, and the log says so."""
        self.broken.touch()

        async def run() -> None:
            members = await gather(self.port, CLIENTS)
            self.hang_up()
            await asyncio.to_thread(self.pusher.wait_for, "process 0 is not replaced: the new one")
            await self.push(members)
            self.assertEqual(sorted(self.pusher.workers), self.before)
            self.assertNotIn(DONE, self.pusher.log)
            self.broken.unlink()
            self.hang_up()
            self.assertEqual(await all_gone(members), {1001: CLIENTS})

        asyncio.run(run())
        self.pusher.wait_for(DONE)
        self.wait_for_new_workers()

    def test_the_new_one_dies(self) -> None:
        """A new worker that is killed before it serves changes nothing."""
        self.held.touch()
        self.hang_up()
        kill(self.newcomer())
        self.pusher.wait_for("process 0 is not replaced")
        eventually(lambda: sorted(self.pusher.workers) == self.before, "the old ones are left")

    def test_the_old_one_dies(self) -> None:
        """An old worker that is killed before the new one serves is replaced all the same."""
        self.held.touch()
        self.hang_up()
        self.newcomer()
        for pid in self.before:
            kill(pid)
        self.held.unlink()
        self.pusher.wait_for(DONE)
        self.wait_for_new_workers()
        self.assertEqual(self.pusher.log.count("process 0 started"), 2)

        async def run() -> None:
            await self.push(await gather(self.port, CLIENTS))

        asyncio.run(run())

    def test_told_to_end(self) -> None:
        """SIGTERM while workers are replaced ends all of them, in good order."""
        for wait in range(3):
            self.hang_up()
            self.newcomer()
            time.sleep(wait / 4)
            everyone = self.pusher.workers
            self.assertEqual(self.pusher.stop(deadline=15), 0)
            self.assertFalse([pid for pid in everyone if alive(pid)])
            self.assertNotIn("Traceback", self.pusher.log)
            started = self.pusher.log.count("process 0 started")
            self.pusher.start()
            self.pusher.wait_for("process 0 started", started + 1)
            eventually(lambda: len(self.pusher.workers) == 2, "both run")
            self.before = self.pusher.workers

    def test_one_of_them(self) -> None:
        """A worker that is told to end by itself is replaced, while others are let in by it."""

        async def run() -> None:
            members = await gather(self.port, CLIENTS)

            def terminate() -> None:
                os.kill(self.before[0], signal.SIGTERM)
                eventually(lambda: self.before[0] not in self.pusher.workers, "it has ended")
                self.pusher.wait_for("process . started", 3)

            found, slowest = await self.while_connecting(terminate)
            tell(f"{sum(found.values())} connects, the slowest {slowest:.2f} s")
            self.assertEqual(set(found) - {"in", "told"}, set())
            self.assertLess(slowest, 2)
            closed = Counter(member.closed for member in members)
            self.assertEqual(set(closed), {1001, None})
            await self.push([member for member in members if member.closed is None])

        asyncio.run(run())


class NewSecretTests(SynchronousTestCase):
    """The pusher's workers get another secret, and then the channel, and nobody is cut off."""

    def test_read_again(self) -> None:
        """SIGHUP reads the files again: new workers and new links go by what is in them now."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        old, new = "the channel's old secret", "the channel's new secret"
        files = {name: folder / name for name in ("both", "old", "mine")}
        for name, text in (("both", f"{old}\n{new}"), ("old", old), ("mine", old)):
            files[name].write_text(text)
            files[name].chmod(0o600)
        port = free_port()
        listen = f"--listen=tcp:{port}:interface=127.0.0.1"

        def start(*arguments: object) -> Role:
            role = Role(*map(str, arguments))
            self.addCleanup(role.stop)
            return role

        channel = start("tpush-channel", listen, f"--secret-file={files['both']}")
        where = f"--channel=tcp:127.0.0.1:{port}"
        command = ["tpush-ws", "--listen=tcp:0:interface=127.0.0.1", where, "--workers=2"]
        pusher = start(*command, f"--secret-file={files['mine']}")
        pusher.wait_for("connected to the channel", 2)
        files["mine"].write_text("short")
        os.kill(pusher.process.pid, signal.SIGHUP)
        pusher.wait_for("at SIGHUP: .* needs 16; what was in force stays")
        files["mine"].write_text(new)
        os.kill(pusher.process.pid, signal.SIGHUP)
        pusher.wait_for(DONE)
        files["both"].write_text(new)
        os.kill(channel.process.pid, signal.SIGHUP)
        channel.wait_for(DONE)
        late = start(*command, f"--secret-file={files['old']}")
        late.wait_for("does not know a secret of this channel")
        self.assertNotIn("lost", pusher.log)
        for secret in (old, new):
            for role in (channel, pusher, late):
                self.assertNotIn(secret, role.log)
