"""A pusher that echoes and does not greet: what the Autobahn TestSuite is run against.

The port is in the variable ECHO_PORT. Only here does a connection listen to its client.
"""

import os
from typing import cast

from twisted.application.service import Application
from twisted.internet import reactor
from typing_extensions import override

from tpush.limits import Limits
from tpush.message import WorkerID
from tpush.net.listener import Listener
from tpush.pusher.connection import Connection
from tpush.pusher.factory import PusherFactory


class Echo(Connection):
    """Sends back what it gets, by the way of a published message."""

    @override
    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        factory = cast(PusherFactory, self.factory)
        self.write_frames(factory.frame(payload, text=not isBinary), 1)


class EchoFactory(PusherFactory):
    """Takes clients in without a greeting."""

    connection_class = Echo

    @override
    def opened(self, connection: Connection) -> None:
        connection.connection = self.audience.add(connection)


application = Application("echo")
Listener(
    [f"tcp:{os.environ['ECHO_PORT']}:interface=127.0.0.1"],
    # The suite sends messages of up to 16 MiB.
    EchoFactory(WorkerID(1), reactor, Limits(client_message=16 * 1024 * 1024, client_frames=0)),
    reactor,
    eager=True,
).setServiceParent(application)
