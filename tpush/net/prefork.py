"""Worker processes behind one address.

The parent opens the sockets, starts the workers and listens to nobody itself.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from typing_extensions import override

from tpush.limits import Limits
from tpush.net.hangup import OnHangUp
from tpush.net.opening import Opened, Opener
from tpush.net.rolling import Rolling
from tpush.net.slot import Slot, Work


class PreforkService(MultiService):
    """Runs one role in several worker processes.

    Args:
        role: the module whose ``make_worker(settings, reactor, endpoint_for)`` makes the role.
        settings: what it is given; ``listen`` is the endpoint strings. Goes as JSON.
        workers: how many.
        renew: at a SIGHUP workers are replaced, one by one, by such as have the settings that this
            returns; without it, the SIGHUP goes to each of them.
        reactor: the reactor to use; the default is Twisted's global one.
    """

    log = Logger()

    def __init__(
        self,
        role: str,
        settings: Mapping[str, Any],
        workers: int,
        *,
        renew: Callable[[], Mapping[str, Any]] | None = None,
        reactor: Any = None,
    ) -> None:
        super().__init__()
        if reactor is None:
            from twisted.internet import reactor
        self._endpoints = settings["listen"]
        self._work = Work(role, json.dumps(settings), Limits(**settings["limits"]).ending)
        self._count = workers
        self._renew = renew
        self._reactor = reactor
        self._opened: list[Opened] = []
        self._slots: list[Slot] = []
        self._rolling = Rolling([])
        self._stopping = False
        OnHangUp(self._hang_up, reactor=reactor).setServiceParent(self)

    @override
    def privilegedStartService(self) -> None:
        super().privilegedStartService()
        self._open()

    @override
    def startService(self) -> None:
        super().startService()
        self._stopping = False
        self._open()
        self._slots = [
            Slot(number, self._work, self._opened, self._reactor) for number in range(self._count)
        ]
        self._rolling = Rolling(self._slots)
        for slot in self._slots:
            slot.start()
        self.log.info(
            "{workers} workers listening on {endpoints}",
            workers=self._count,
            endpoints=" ".join(str(opened) for opened in self._opened),
        )

    @override
    def stopService(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._stopping = True
        self._rolling.stop()
        # First of all: a worker that stops listening has then let go of its socket's last copy.
        for opened in self._opened:
            opened.let_go()
        await gatherResults([Deferred.fromCoroutine(slot.stop()) for slot in self._slots])
        for opened in self._opened:
            opened.close()
        self._slots, self._opened = [], []
        # Last of all: without a handler a SIGHUP would end this process before its workers.
        await super().stopService()

    def _hang_up(self) -> Deferred[None] | None:
        if self._stopping:
            return None
        if self._renew is None:
            for slot in self._slots:
                slot.hang_up()
            return None
        self._work.settings = json.dumps(self._renew())
        self.log.info("replacing {workers} workers, one by one", workers=self._count)
        return self._rolling.ask()

    def _open(self) -> None:
        if not self._opened:
            opener = Opener(self._reactor, self._count)
            self._opened = [opener.open(endpoint) for endpoint in self._endpoints]
