"""The one HTTP server: what answers there is given to it as routes.

It may stand on the open internet, so what a stranger can hold of it is bounded: connections,
the time until a whole header has come, and header sizes (aiohttp's own limits).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from typing_extensions import override

from jobs.errors import SettingsError

BACKLOG = 128  # connections that wait to be accepted, as in aiohttp


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one server gives away at most.

    Attributes:
        connections: Open ones; the next one is closed at once.
        idle_s: Seconds until a whole header has to be there, also between two requests.
        shutdown_s: Seconds that requests under way still have when the server closes.
    """

    connections: int = 256
    idle_s: float = 15.0
    shutdown_s: float = 2.0


@asynccontextmanager
async def open_front_door(
    host: str, port: int, routes: Sequence[web.AbstractRouteDef], *, bounds: Bounds | None = None
) -> AsyncGenerator[int]:
    """Serve the routes and yield the port.

    Raises:
        SettingsError: The port cannot be had.
    """
    bounds = bounds or Bounds()
    app = web.Application()
    app.add_routes(routes)
    # aiohttp counts a connection that never sent a whole header as idle, so this is its end, too.
    runner = web.AppRunner(
        app,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=bounds.idle_s,
        shutdown_timeout=bounds.shutdown_s,
    )
    await runner.setup()
    try:
        server = await _listen(runner, host, port, bounds)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, bounds: Bounds) -> asyncio.Server:
    """Listen by hand: aiohttp's own sites take any number of connections."""
    handlers = runner.server
    assert handlers is not None, "setup makes it"  # noqa: S101 - says so to the type checker

    def accept() -> asyncio.Protocol:
        is_full = len(handlers.connections) >= bounds.connections
        return _Refusal() if is_full else handlers()

    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(accept, host, port, backlog=BACKLOG)
    except OSError as error:
        message = f"FLIPBOOK_HTTP_PORT: {host}:{port} cannot be opened ({error.strerror})."
        raise SettingsError(message) from error


class _Refusal(asyncio.Protocol):
    """Closes a connection as soon as it is made."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
