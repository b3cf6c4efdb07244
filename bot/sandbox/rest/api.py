"""Answers REST requests: finds the route, checks the token, applies, writes it down.

Rate limits come first; trouble that a test has scripted strikes before or after the request takes
effect.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.errors import ApiError, Problem
from bot.sandbox.json_types import as_object, objects
from bot.sandbox.rest.bodies import read_body
from bot.sandbox.rest.call import Body, Call, Reply, Route
from bot.sandbox.rest.exchange import BODY, IS_SCRIPTED, Observer, exchange_of
from bot.sandbox.rest.faults import BEFORE, DROPS, FaultKind, Faults, ScriptedFault
from bot.sandbox.rest.limiter import Limiter, RateLimitedError
from bot.sandbox.world.credentials import Credentials
from bot.sandbox.world.journal import Journal, LoggedRequest
from bot.sandbox.world.world import World

logger = logging.getLogger(__name__)

API_PREFIX = "/api/v10"
MAX_BODY = 1024**3
"""Ours; Discord's own limit is per attachment, which `attachments.py` checks."""


class _CutError(Exception):
    """The connection is to be cut instead of an answer."""


class Rest:
    """The REST API as an aiohttp application."""

    def __init__(
        self,
        *,
        world: World,
        credentials: Credentials,
        journal: Journal,
        faults: Faults,
        limiter: Limiter,
        observers: Iterable[Observer] = (),
    ) -> None:
        self._world = world
        self._observers = tuple(observers)
        self._credentials = credentials
        self._journal = journal
        self._faults = faults
        self._limiter = limiter

    def register(self, app: web.Application, routes: Iterable[Route]) -> None:
        """Serve `routes` below Discord's prefix, and 404 for the rest."""
        for route in routes:
            self._faults.know(route)
            app.router.add_route(route.method, API_PREFIX + route.template, self._handler(route))
        missing = Route(
            method="*",
            template="{path:.*}",
            endpoint=_not_found,
            needs_token=False,
            is_rate_limited=False,
        )
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
        response = self._limiter.ban() or await self._respond(route, request, entry)
        self._world.changes.notify()
        return response

    async def _respond(
        self, route: Route, request: web.Request, entry: LoggedRequest
    ) -> web.Response:
        try:
            reply = await self._answer(route, request, entry)
            response = reply.response()
        except _CutError:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # goes nowhere; the journal shows no answer
        except ConnectionError:
            raise  # the client has hung up
        except Exception as error:  # noqa: BLE001 -- the edge: whatever it is, it is told
            reply = self._crashed(request, error)
            response = reply.response()
        self._limiter.note(reply)
        entry.status = response.status
        self._show(route, request, response)
        return response

    def _crashed(self, request: web.Request, error: Exception) -> Reply:
        """Answer for a mistake of the sandbox's own as Discord answers for one of its own."""
        logger.error("The sandbox broke: %s %s", request.method, request.path, exc_info=error)
        self._journal.crashes.append(error)
        request[IS_SCRIPTED] = False
        told = ApiError(Problem.INTERNAL)
        return Reply(status=told.status, body=told.body)

    async def _answer(self, route: Route, request: web.Request, entry: LoggedRequest) -> Reply:
        scripted = self._faults.take(request.method, route.template)
        try:
            body = request[BODY] = await read_body(request)
            _note(entry, body)
            if scripted and scripted.fault.kind in BEFORE:
                request[IS_SCRIPTED] = True
                return _scripted_reply(scripted)
            reply = self._carry_out(route, request, body)
        except ApiError as error:
            reply = Reply(status=error.status, body=error.body, headers=error.headers)
        except RateLimitedError as refusal:
            reply = refusal.reply
        request[IS_SCRIPTED] = scripted is not None and scripted.fault.kind != FaultKind.HOLD
        return await self._afterwards(reply, scripted)

    def _carry_out(self, route: Route, request: web.Request, body: Body) -> Reply:
        """Apply a request; refusals tell of the bucket, too."""
        self._check_token(route, request)
        headers = self._limiter.admit(route, request.match_info, self._credentials.token)
        try:
            reply = self._apply(route, request, body)
        except ApiError as error:
            reply = Reply(status=error.status, body=error.body, headers=error.headers)
        return replace(reply, headers=headers | reply.headers)

    def _show(self, route: Route, request: web.Request, response: web.Response) -> None:
        if not self._observers:
            return
        exchange = exchange_of(route, request, response, API_PREFIX)
        for observe in self._observers:
            observe(exchange)

    def _check_token(self, route: Route, request: web.Request) -> None:
        given = request.headers.get("Authorization")
        if route.needs_token and given != f"Bot {self._credentials.token}":
            raise ApiError(Problem.UNAUTHORIZED)

    def _apply(self, route: Route, request: web.Request, body: Body) -> Reply:
        """Have the endpoint answer; ours is that no body at all is taken for an empty object."""
        payload: object = {} if body.payload is None else body.payload
        taken = route.takes((), payload) if route.takes else {}
        call = Call(
            params=request.match_info,
            query=request.query,
            host=request.host,
            payload=as_object(taken),
            items=objects(taken),
            files=body.files,
        )
        return route.endpoint(call)

    async def _afterwards(self, reply: Reply, scripted: ScriptedFault | None) -> Reply:
        if scripted is None:
            return reply
        self._world.changes.notify()
        if scripted.fault.kind == FaultKind.HOLD:
            await scripted.held(self._world.clock)
            return reply
        return _scripted_reply(scripted)


def _note(entry: LoggedRequest, body: Body) -> None:
    is_list = isinstance(body.payload, list)
    entry.json = objects(body.payload) if is_list else as_object(body.payload) or None
    entry.files = [file.filename for file in body.files.values()]


def _scripted_reply(scripted: ScriptedFault) -> Reply:
    if scripted.fault.kind in DROPS:
        raise _CutError
    return scripted.fault.reply()


def _not_found(_: Call) -> Reply:
    raise ApiError(Problem.NOT_FOUND)
