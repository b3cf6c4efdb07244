"""Answers REST requests: finds the route, checks the token, applies, writes it down.

Trouble that a test has scripted strikes here, before or after the request takes effect.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import as_object, objects
from bot.sandbox.rest.call import Body, Call, Reply, Route, read_body
from bot.sandbox.rest.faults import FaultKind, Faults, ScriptedFault
from bot.sandbox.world.journal import Journal, LoggedRequest
from bot.sandbox.world.world import World

API_PREFIX = "/api/v10"
MAX_BODY = 1024**3
"""Ours; Discord's own limit is per attachment, which `posting.py` checks."""


class Rest:
    """The REST API as an aiohttp application."""

    def __init__(self, *, world: World, token: str, journal: Journal, faults: Faults) -> None:
        self._world = world
        self._token = token
        self._journal = journal
        self._faults = faults

    def register(self, app: web.Application, routes: Iterable[Route]) -> None:
        """Serve `routes` below Discord's prefix, and 404 for the rest."""
        for route in routes:
            app.router.add_route(route.method, API_PREFIX + route.template, self._handler(route))
        missing = Route(method="*", template="{path:.*}", endpoint=_not_found, needs_token=False)
        app.router.add_route("*", "/api/{path:.*}", self._handler(missing))

    def _handler(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(route, request)

        return handle

    async def _handle(self, route: Route, request: web.Request) -> web.Response:
        entry = LoggedRequest(
            method=request.method,
            route=route.template,
            path=request.path,
            time=self._world.clock.now(),
        )
        self._journal.append(entry)
        response = (await self._answer(route, request, entry)).response()
        entry.status = response.status
        self._world.changes.notify()
        return response

    async def _answer(self, route: Route, request: web.Request, entry: LoggedRequest) -> Reply:
        scripted = self._faults.take(request.method, route.template)
        try:
            body = await read_body(request)
            _note(entry, body)
            if scripted and scripted.fault.kind == FaultKind.INSTEAD:
                return scripted.fault.reply()
            self._check_token(route, request)
            reply = self._apply(route, request, body)
        except ApiError as error:
            reply = Reply(status=error.status, body=error.body)
        return await self._afterwards(reply, scripted)

    def _check_token(self, route: Route, request: web.Request) -> None:
        given = request.headers.get("Authorization")
        if route.needs_token and given != f"Bot {self._token}":
            raise ApiError(Problem.UNAUTHORIZED)

    def _apply(self, route: Route, request: web.Request, body: Body) -> Reply:
        call = Call(
            params=request.match_info,
            query=request.query,
            host=request.host,
            payload=as_object(body.payload),
            items=objects(body.payload),
            files=body.files,
        )
        reply = route.endpoint(call)
        if not route.is_rate_limited:
            return reply
        headers = _limits(route, self._world.clock.now()) | reply.headers
        return Reply(status=reply.status, body=reply.body, headers=headers)

    async def _afterwards(self, reply: Reply, scripted: ScriptedFault | None) -> Reply:
        if scripted is None:
            return reply
        self._world.changes.notify()
        if scripted.fault.kind == FaultKind.HOLD:
            await scripted.held()
            return reply
        return scripted.fault.reply()


def _note(entry: LoggedRequest, body: Body) -> None:
    is_list = isinstance(body.payload, list)
    entry.json = objects(body.payload) if is_list else as_object(body.payload) or None
    entry.files = [file.filename for file in body.files.values()]


def _limits(route: Route, now: datetime) -> dict[str, str]:
    """Tell of a bucket that never runs empty; tests script 429 themselves."""
    name = hashlib.sha256(f"{route.method} {route.template}".encode()).hexdigest()[:32]
    return {
        "X-RateLimit-Bucket": name,
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "49",
        "X-RateLimit-Reset": str(now.timestamp() + 1),
        "X-RateLimit-Reset-After": "1",
    }


def _not_found(_: Call) -> Reply:
    raise ApiError(Problem.NOT_FOUND)
