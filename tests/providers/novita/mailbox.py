"""Somewhere for webhooks to arrive."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def open_mailbox() -> AsyncGenerator[tuple[str, list[bytes]]]:
    """Take webhooks on; yield the address that they go to, and the bodies that came."""
    letters: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        letters.append(await request.read())
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/hooks/novita/abc", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/novita/abc", letters
    finally:
        await runner.cleanup()
