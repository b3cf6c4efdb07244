"""A server on loopback that says exactly the bytes that a test wants said, well-formed or not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext

from typing_extensions import override

TLS_HELLO = b"\x16"  # the type of a handshake record: RFC 8446, 5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Reply = Callable[[Sent, asyncio.StreamWriter], Awaitable[None]]


def says(*pieces: bytes) -> Reply:
    """Return a reply of these bytes, after which the connection is closed."""

    async def reply(_: Sent, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return reply


def answers(body: bytes = b"{}", *, status: int = 200, headers: tuple[str, ...] = ()) -> Reply:
    """Return a reply that is a whole and honest answer."""
    return says(head(status, f"Content-Length: {len(body)}", *headers) + body)


def head(status: int, *headers: str) -> bytes:
    """Return the first lines of an answer."""
    return "\r\n".join((f"HTTP/1.1 {status} Told", *headers, "", "")).encode()


async def hangs(_: Sent, __: asyncio.StreamWriter) -> None:
    """Say nothing until the other side has gone."""
    await asyncio.Event().wait()


def drips(start: bytes, piece: bytes) -> Reply:
    """Return a reply that goes on until the other side has had enough."""

    async def reply(_: Sent, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)

    return reply


@dataclass(slots=True)
class RawServer:
    """Answers every request by its path, then closes the connection.

    Attributes:
        replies: What is said to a request for a path; the others get an empty object.
        connections: How often anybody connected, whatever was said then.
        requests: What was sent.
        open_now: Connections open now.
    """

    replies: dict[str, Reply] = field(default_factory=dict[str, Reply])
    connections: int = 0
    requests: list[Sent] = field(default_factory=list[Sent])
    open_now: int = 0
    port: int = 0
    scheme: str = "http"
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, replies: dict[str, Reply] | None = None, tls: SSLContext | None = None
    ) -> AsyncGenerator["RawServer"]:
        """Listen on a free port, and end every connection in the end."""
        made = cls(replies=replies or {}, scheme="https" if tls else "http")
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(made._serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def until(self, is_so: Callable[["RawServer"], bool]) -> None:
        """Wait until something is so."""
        async with self.changed:
            await self.changed.wait_for(lambda: is_so(self))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                sent = await read_request(reader)
                self.requests.append(sent)
                await self._notify()
                reply = self.replies.get(sent.target.partition("?")[0], answers())
                await until_first(reply(sent, writer), reader.read())
        finally:
            self.open_now -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    @override
    def __repr__(self) -> str:
        return f"<{self.url}, {self.connections} connections>"


async def until_first(reply: Awaitable[object], gone: Awaitable[object]) -> None:
    """Go on with a reply until it is over or the other side has gone."""
    tasks = [asyncio.ensure_future(reply), asyncio.ensure_future(gone)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> Sent:
    """Read one whole request."""
    first = await reader.readexactly(1)
    if first == TLS_HELLO:
        raise ConnectionAbortedError
    lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    pairs = (line.partition(":") for line in lines[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Sent(method=method, target=target, headers=headers, body=body)
