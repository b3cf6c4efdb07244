"""Serves the chat page: Discord for people without an account, in a browser on this machine.

Who asks must be the page itself. Another site's name that leads here (DNS rebinding) is refused by
the host check; another site's page that posts here is stopped by the browser, because neither JSON
nor a bare file is a "simple" request (Fetch standard, "CORS-safelisted request-header").
"""

import json
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from bot.sandbox.client.actions import Actions
from bot.sandbox.errors import SandboxError, SandboxTimeoutError
from bot.sandbox.json_types import JsonObject, as_object
from bot.sandbox.network.cdn import file_response
from bot.sandbox.page.acts import Act, Acts
from bot.sandbox.page.assets import Assets
from bot.sandbox.page.controls import Controls
from bot.sandbox.page.feed import Feed
from bot.sandbox.page.refusals import sentence
from bot.sandbox.page.view import View
from bot.sandbox.rest.faults import Faults
from bot.sandbox.world.accounts import User
from bot.sandbox.world.journal import Journal
from bot.sandbox.world.world import World

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost"})
SILENT = "The bot did not answer within three seconds."


class Page:
    """The page's routes."""

    def __init__(
        self,
        *,
        world: World,
        actions: Actions,
        journal: Journal,
        faults: Faults,
        is_connected: Callable[[], bool],
        drop_gateway: Callable[[], Awaitable[None]],
    ) -> None:
        self._world = world
        self._view = View(world=world, actions=actions, journal=journal, is_connected=is_connected)
        self._feed = Feed(world=world, view=self._view)
        self._acts = Acts(world=world, actions=actions, view=self._view)
        self._controls = Controls(world=world, faults=faults, drop_gateway=drop_gateway)
        self._assets = Assets()

    def register(self, app: web.Application) -> None:
        """Serve the page at `/`."""
        app.router.add_get("/", self._index)
        app.router.add_get("/page/static/{name}", self._asset)
        app.router.add_get("/page/events", self._events)
        app.router.add_get("/page/files/{attachment_id}/{filename}", self._file)
        app.router.add_post("/page/uploads", self._upload)
        acts = {
            **self._acts.by_name(),
            "sandbox/advance": self._controls.advance,
            "sandbox/drop": self._controls.drop,
            "sandbox/fault": self._controls.fault,
        }
        for name, act in acts.items():
            app.router.add_post(f"/page/{name}", self._handler(act))
        app.on_shutdown.append(self._feed.end)

    # Reading

    async def _index(self, request: web.Request) -> web.Response:
        _check_local(request)
        return self._assets.response("index.html")

    async def _asset(self, request: web.Request) -> web.Response:
        _check_local(request)
        return self._assets.response(request.match_info["name"])

    async def _events(self, request: web.Request) -> web.StreamResponse:
        _check_local(request)
        return await self._feed.stream(request, self._viewer(request.query.get("account")))

    async def _file(self, request: web.Request) -> web.Response:
        _check_local(request)
        attachment = self._world.files.get(request.match_info["attachment_id"])
        if attachment is None:
            raise web.HTTPNotFound
        response = file_response(request, attachment)
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    def _viewer(self, id_: object) -> User:
        """Find the account that is looked through; a page of an earlier sandbox gets another."""
        return self._view.accounts().get(str(id_)) or self._view.newcomer()

    # Acting

    def _handler(self, act: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            asked = await _asked(request)
            return await _answered(act(self._acting(asked.get("account")), asked))

        return handle

    async def _upload(self, request: web.Request) -> web.Response:
        _check_local(request)
        if request.content_type != "application/octet-stream":
            raise web.HTTPUnsupportedMediaType
        query = request.query
        viewer = self._acting(query.get("account"))
        upload = (query.get("name", ""), await request.read())
        return await _answered(self._acts.upload(viewer, query.get("channel", ""), upload))

    def _acting(self, id_: object) -> User:
        """Find the account that acts: it must be one there is."""
        account = self._view.accounts().get(str(id_))
        if account is None:
            raise web.HTTPNotFound
        return account


async def _answered(act: Awaitable[JsonObject]) -> web.Response:
    """Answer with what an act gave, or with the sentence that says why it was refused."""
    try:
        return web.json_response(await act)
    except SandboxTimeoutError:
        return web.json_response({"error": SILENT}, status=504)
    except SandboxError as error:
        return web.json_response({"error": sentence(error)}, status=400)


async def _asked(request: web.Request) -> JsonObject:
    _check_local(request)
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        return as_object(cast("object", json.loads(await request.text())))
    except ValueError as error:
        raise web.HTTPBadRequest from error


def _check_local(request: web.Request) -> None:
    """Refuse a page that another site's name leads here (DNS rebinding)."""
    if request.url.host not in LOCAL_HOSTS:
        raise web.HTTPForbidden
