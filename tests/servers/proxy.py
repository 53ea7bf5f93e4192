"""A TCP proxy whose connections can be cut and restored, as a network does it."""

import asyncio
import threading


class Proxy:
    """Listens on `port` of the loopback and passes everything on to `upstream_port`."""

    def __init__(self, port, upstream_port):
        self.port, self.upstream_port = port, upstream_port
        self.loop = asyncio.new_event_loop()
        self.listener = None
        self.writers = set()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def start(self):
        self.thread.start()
        self.restore()
        return self

    def stop(self):
        self.cut()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    def cut(self):
        """Every connection breaks, and new ones are refused."""
        self._run(self._cut())

    def restore(self):
        self._run(self._restore())

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _restore(self):
        if self.listener is None:
            self.listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _cut(self):
        if self.listener is not None:
            self.listener.close()
            self.listener = None
        for writer in list(self.writers):
            writer.transport.abort()

    async def _serve(self, reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))

    async def _pump(self, reader, writer):
        self.writers.add(writer)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.writers.discard(writer)
            writer.transport.abort()
