"""`/healthz`: what a container's health check asks.

It answers 200 while the runner claims, the database answers and Discord is connected, and
503 with the reason otherwise.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from jobs.errors import SettingsError

Check = Callable[[], Awaitable[str | None]]
"""Answers None if all is well, else what is wrong in a few words."""


@asynccontextmanager
async def serve_health(host: str, port: int, checks: dict[str, Check]) -> AsyncGenerator[int]:
    """Serve `/healthz` and yield the port.

    Raises:
        SettingsError: The port cannot be had.
    """

    async def healthz(_: web.Request) -> web.Response:
        results = {name: await check() or "ok" for name, check in checks.items()}
        is_well = all(result == "ok" for result in results.values())
        body = {"status": "ok" if is_well else "failing", "checks": results}
        return web.json_response(body, status=200 if is_well else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            message = f"FLIPBOOK_HTTP_PORT: {host}:{port} cannot be opened ({error.strerror})."
            raise SettingsError(message) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
