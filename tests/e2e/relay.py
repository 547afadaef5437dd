"""A stretch of network between kably and the local Ably that a test can break: TCP relayed byte for byte, or reset,
refused, stalled, slowed down."""

import asyncio
import contextlib
import socket
import struct
import threading

RESET_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: close() sends RST
SLOW_PIECE, SLOW_SECONDS = 2048, 0.02


class Relay:
    """Listens on a port of its own and passes everything on to (host, port). close() ends it."""

    def __init__(self, host, port):
        self._to = (host, port)
        self._listener = None
        self._pairs = set()  # of open writers, both ends
        self._slow = False
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.host, self.port = "127.0.0.1", 0
        self.accept()

    # ---- what a test asks for, from its own thread

    def accept(self):
        """New connections get through (again)."""
        self._do(self._listen())

    def refuse(self):
        """Nobody listens any more; open connections go on."""
        self._do(self._unlisten())

    def reset(self):
        """Every open connection ends with RST, in the middle of whatever it carries."""
        self._do(self._reset())

    def stall(self, stalled):
        """Not a byte moves, and no connection ends."""
        self._call(self._flowing.clear if stalled else self._flowing.set)

    def slow(self, slow):
        """Small pieces, one after the other."""
        self._slow = slow

    def heal(self):
        self.slow(False)
        self.stall(False)
        self.accept()

    def close(self):
        self.refuse()
        self.reset()
        self._call(self._loop.stop)
        self._thread.join(10)

    # ---- in the loop's thread

    def _call(self, function):
        self._loop.call_soon_threadsafe(function)

    def _do(self, work):
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self):
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, self.host, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _unlisten(self):
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _reset(self):
        for writer in list(self._pairs):
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
            writer.transport.abort()

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        self._pairs |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        self._pairs -= {writer, far_writer}

    async def _pass(self, reader, writer):
        with contextlib.suppress(OSError):
            while piece := await reader.read(SLOW_PIECE if self._slow else 65536):
                if self._slow:
                    await asyncio.sleep(SLOW_SECONDS)
                await self._flowing.wait()
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
