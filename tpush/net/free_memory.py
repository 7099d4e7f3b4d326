"""Memory that is free goes back to the system.

The C library keeps freed memory that lies below some that is in use: 28 MB when a thousand clients
that read nothing had gone, for good. It gives it back when it is asked to.
"""

import ctypes
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from typing_extensions import override

from tpush.background import background

EVERY = 10.0
"""Seconds between two times that it is asked: it takes 0.1 ms where there is nothing to give back,
and 20 ms for 100 MB."""


class FreeMemory(Service):
    """Gives free memory back to the system, for as long as it runs.

    Used by programs that are tpush's own alone: it concerns the whole process.

    Args:
        reactor: the reactor to use.
        library: the C library; by default, the process's. One that is not GNU's is not asked.
    """

    log = Logger()

    def __init__(self, reactor: Any, library: Any = None) -> None:
        trim = getattr(library or ctypes.CDLL(None), "malloc_trim", None)
        self._call = None if trim is None else LoopingCall(trim, 0)
        self._reactor = reactor

    @override
    def startService(self) -> None:
        super().startService()
        if self._call is not None:
            self._call.clock = self._reactor
            background(self._call.start(EVERY, now=False), self.log, "giving back memory")

    @override
    def stopService(self) -> None:
        super().stopService()
        if self._call is not None:
            self._call.stop()
