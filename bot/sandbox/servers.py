"""Puts the sandbox's parts behind its TLS and its plain HTTP port."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.sandbox.errors import SandboxError
from bot.sandbox.gateway.gateway import Gateway
from bot.sandbox.hosts import CDN_HOST, DISCORD_HOST, HOSTS, MEDIA_HOST
from bot.sandbox.network.cdn import Cdn
from bot.sandbox.page.page import Page
from bot.sandbox.rest.api import MAX_BODY, Rest
from bot.sandbox.rest.commands import CommandRoutes
from bot.sandbox.rest.interactions import InteractionRoutes
from bot.sandbox.rest.messages import MessageRoutes
from bot.sandbox.rest.places import PlaceRoutes
from bot.sandbox.rest.posting import Posting
from bot.sandbox.rest.threads import ThreadRoutes
from bot.sandbox.rules.access import Access
from bot.sandbox.world.session_starts import SessionStarts
from bot.sandbox.world.world import World

SHUTDOWN_S = 1.0


class Servers:
    """Builds the two web applications and serves them."""

    def __init__(
        self,
        *,
        world: World,
        gateway: Gateway,
        rest: Rest,
        cdn: Cdn,
        page: Page,
        session_starts: SessionStarts,
    ) -> None:
        self._gateway = gateway
        self._rest = rest
        self._cdn = cdn
        self._page = page
        access, posting = Access(world), Posting(world)
        self._routes = [
            *PlaceRoutes(world=world, access=access, session_starts=session_starts).routes(),
            *CommandRoutes(world=world, access=access).routes(),
            *InteractionRoutes(world=world, posting=posting).routes(),
            *MessageRoutes(world=world, posting=posting, access=access).routes(),
            *ThreadRoutes(world=world, access=access).routes(),
        ]

    @asynccontextmanager
    async def tls(self, context: ssl.SSLContext) -> AsyncGenerator[int, None]:
        """Serve REST, gateway and CDN by host name; yield the port."""
        # Of the applications inside only the outer one's limit counts.
        app = web.Application(client_max_size=MAX_BODY)
        for host in HOSTS:
            app.add_domain(host, self._app_for(host))
        async with _served(app, context) as port:
            yield port

    def _app_for(self, host: str) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY)
        match host:
            case _ if host == DISCORD_HOST:
                self._rest.register(app, self._routes)
            case _ if host in (CDN_HOST, MEDIA_HOST):
                self._cdn.register(app)
            case _:
                app.router.add_get("/", self._gateway.handle)
        return app

    @asynccontextmanager
    async def plain(self, http_port: int = 0) -> AsyncGenerator[int, None]:
        """Serve the chat page, and the same to clients that take a base URL; yield the port."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/healthz", _healthy)
        app.router.add_get("/gateway", self._gateway.handle)
        app.router.add_get("/gateway/", self._gateway.handle)
        self._rest.register(app, self._routes)
        self._cdn.register(app)
        self._page.register(app)
        async with _served(app, None, http_port) as port:
            yield port


async def _healthy(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


@asynccontextmanager
async def _served(
    app: web.Application, context: ssl.SSLContext | None, wanted_port: int = 0
) -> AsyncGenerator[int, None]:
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, "127.0.0.1", wanted_port, ssl_context=context))
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _listen(site: web.TCPSite) -> None:
    try:
        await site.start()
    except OSError as error:
        raise SandboxError(f"{site.name} cannot be used: {error.strerror}") from error
