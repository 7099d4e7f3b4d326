"""A TCP server transport that writes at once.

Twisted's `write` only buffers: each message then costs two `epoll_ctl` calls and a reactor event
before its `send`. Where nothing is queued there is nothing to wait for. It is put in place on a
listening port, by the port's own hook: ``port.transport = EagerServer``.
"""

from typing_extensions import override

from tpush.net.unsent import Server


class EagerServer(Server):
    """Sends while nothing is queued, and queues what the kernel does not take."""

    @override
    def write(self, data: bytes) -> None:
        if (
            self.TLS
            or self._tempDataBuffer
            or len(self.dataBuffer) > self.offset
            or not self.connected
            or self._writeDisconnected
            or self._aborting
        ):
            super().write(data)
            return
        try:
            # Not writeSomeData: its slicing and retrying are a tenth of what a delivery costs.
            sent = self.socket.send(data)
        except OSError:
            # The buffer is full, or the connection broken. The queued way waits for the one and
            # ends the other, in a later turn: who writes to many sees none of them vanish.
            sent = 0
        if sent < len(data):
            super().write(data[sent:])
