"""What a parent and its worker process say to each other, by AMP over an inherited socket.

The one link carries the options, liveness, the end and the worker's log. Its end is the end of the
other process: a worker whose parent was killed outright is told so by the kernel.
"""

from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols import amp
from twisted.python.failure import Failure
from typing_extensions import override

DESCRIPTOR = 3
"""Where a worker finds its end; the sockets to listen on come after it."""

LOG_CHARACTERS = 10_000
"""What is passed on of one log line: an AMP value ends at 65,535 bytes."""


class Configure(amp.Command):
    """Parent: which role this is, and all it needs, in JSON; answered when the role has started."""

    arguments = [(b"role", amp.Unicode()), (b"settings", amp.Unicode())]


class Ping(amp.Command):
    """Parent: are you there."""


class Stop(amp.Command):
    """Parent: end, in good order; the worker's exit is the answer."""

    requiresAnswer = False


class Leave(amp.Command):
    """Worker: somebody told it to end; let another one take over, and then say :class:`Stop`."""

    requiresAnswer = False


class Log(amp.Command):
    """Worker: one line for the log."""

    arguments = [(b"level", amp.Unicode()), (b"system", amp.Unicode()), (b"text", amp.Unicode())]
    requiresAnswer = False


class ControlLink(amp.AMP):
    """One end of the link, quieter than AMP's own."""

    @override
    def makeConnection(self, transport: object) -> None:
        self._transportPeer = self._transportHost = None
        amp.BinaryBoxProtocol.makeConnection(self, transport)

    @override
    def connectionLost(self, reason: Failure = connectionDone) -> None:
        amp.BinaryBoxProtocol.connectionLost(self, reason)
        self.transport = None


class Once(Factory):
    """Gives its one link to the one connection that there will be."""

    noisy = False

    def __init__(self, link: ControlLink) -> None:
        self._link = link

    @override
    def buildProtocol(self, addr: object) -> ControlLink:
        return self._link
