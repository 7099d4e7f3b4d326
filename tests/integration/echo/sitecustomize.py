"""Lets a pusher echo and not greet, for the Autobahn TestSuite: where PYTHONPATH has this folder.

Python imports a module of this name when it starts, in worker processes too. So what the suite is
run against is `twistd tpush-ws` itself, with its command line, its worker processes and its eager
transport. Only here does a connection answer what a plain client says.
"""

from typing_extensions import override

from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory
from tpush.pusher.frame import frame


class Echo(Connection):
    """Sends back what it gets, by the way of what is published, and nothing else."""

    @override
    def greet(self, frame: bytes) -> None:
        super().greet(b"")

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.write_frames(frame(payload, text=not isBinary), 1)


PusherFactory.connection_class = Echo
