"""An HTTP CONNECT proxy that leads Discord's hosts to the sandbox and nobody anywhere else.

It is what lets an unmodified bot run as a whole process: proxy and CA are an operator's settings.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress

CONNECT_PORT = 443
CHUNK = 65536
HEADER_LIMIT = 65536
REQUEST_LINE = re.compile(r"[!-~]+ [!-~]+ HTTP/1\.[01]")  # RFC 9112, 3


class ConnectProxy:
    """Tunnels `hosts` on port 443 to one local port and refuses everything else."""

    def __init__(self, *, hosts: Collection[str], target_port: int) -> None:
        self._hosts = frozenset(hosts)
        self._target_port = target_port
        self._tunnels: set[asyncio.Task[None]] = set()
        self.refused: list[str] = []
        """What was asked for and refused: evidence that a bot talks to Discord only."""

    @asynccontextmanager
    async def serve(self) -> AsyncGenerator[int, None]:
        """Listen on a free loopback port, yield it, and end every tunnel at the end."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=HEADER_LIMIT)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for tunnel in self._tunnels:
                tunnel.cancel()
            await asyncio.gather(*self._tunnels, return_exceptions=True)
            await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- start_server runs this as a task
        self._tunnels.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._serve_one(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()  # the sandbox closes: nobody waits for what is left
        finally:
            self._tunnels.discard(task)
            await _close(writer)

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, _, rest = head.split("\r\n", 1)[0].partition(" ")
        target = rest.partition(" ")[0]
        host, _, port = target.rpartition(":")
        if not REQUEST_LINE.fullmatch(head.split("\r\n", 1)[0]):
            await _answer(writer, "400 Bad Request")
            return
        if method != "CONNECT" or host not in self._hosts or port != str(CONNECT_PORT):
            self.refused.append(target)
            await _answer(writer, "403 Forbidden")
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            async with asyncio.TaskGroup() as directions:
                directions.create_task(_copy(reader, inner_writer), name="sandbox proxy out")
                directions.create_task(_copy(inner_reader, writer), name="sandbox proxy in")
        finally:
            await _close(inner_writer)


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until one side ends; then end the other side, too."""
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
    with suppress(ConnectionError):
        await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
