"""A TCP proxy that can cut, delay and break what passes through it."""

import asyncio

CHUNK = 65_536


class Proxy:
    """Stands between roles and their channel.

    Args:
        target: the port on 127.0.0.1 where the channel listens.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._break_next = False
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = port

    async def stop(self) -> None:
        """Listen no more, and cut what there is."""
        if self._server is not None:
            self._server.close()
        self._flowing.set()
        self.cut()
        while self._writers:
            await asyncio.sleep(0.01)

    def cut(self) -> None:
        """Cut all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    def cut_within_a_frame(self) -> None:
        """Let half of the next piece through, and cut its connection there."""
        self._break_next = True

    async def delay(self, seconds: float) -> None:
        """Let nothing through for a while, and lose nothing."""
        self._flowing.clear()
        await asyncio.sleep(seconds)
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, onward[1]}
        await asyncio.gather(self._pass_on(reader, onward[1]), self._pass_on(onward[0], writer))
        self._writers -= {writer, onward[1]}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(CHUNK):
                await self._flowing.wait()
                if self._break_next:
                    self._break_next = False
                    writer.write(piece[: len(piece) // 2])
                    await writer.drain()
                    break
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass  # the other direction ends as well
        finally:
            writer.transport.abort()
