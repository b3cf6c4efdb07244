"""`/healthz`: what a container's health check asks.

It answers 200 while the runner claims, the database answers and Discord is connected, and
503 with the reason otherwise.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

Check = Callable[[], Awaitable[str | None]]
"""Answers None if all is well, else what is wrong in a few words."""


def health_routes(checks: Mapping[str, Check]) -> Sequence[web.AbstractRouteDef]:
    """Return the route that runs every check."""

    async def healthz(_: web.Request) -> web.Response:
        results = {name: await check() or "ok" for name, check in checks.items()}
        is_well = all(result == "ok" for result in results.values())
        body = {"status": "ok" if is_well else "failing", "checks": results}
        return web.json_response(body, status=200 if is_well else 503)

    return [web.get("/healthz", healthz)]
