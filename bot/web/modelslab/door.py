"""The routes of this protocol: submit, fetch and the list of models, all of them POST.

Errors come inside HTTP 200, as the service sends them: its own client takes any other code for a
broken line. Only what a client should simply repeat later has a code of its own, 429 or 503.
"""

import json
import logging
import math
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from pydantic import BaseModel

from bot.web.counter import Counter, Links, ttl_of
from bot.web.gate import MAX_BODY, MAX_IMAGE_BODY, Gate, idempotency_key_of
from bot.web.modelslab import answers, refusals
from bot.web.modelslab.bodies import (
    AskedV4,
    AskedV6,
    Fetch,
    FetchById,
    InvalidError,
    read,
)
from bot.web.modelslab.ids import job_id_of
from bot.web.modelslab.images import InitImages
from bot.web.modelslab.orders import address_of, request_of
from bot.web.modelslab.payload import read_payload
from bot.web.modelslab.shapes import Refused
from bot.web.problems import Problem, ProblemKind
from jobs.aliases import Aliases
from jobs.keys import ApiKey
from jobs.model import JobId

V4_SUBMIT = "/api/v4/dreambooth/text2video"
V6_SUBMIT = "/api/v6/video/text2video"
FETCHES = ("/api/v3/dreambooth/fetch/{id}", "/api/v6/video/fetch/{id}")
V4_FETCH = "/api/v4/dreambooth/fetch"
MODEL_LIST = "/api/v4/dreambooth/model_list"

ONLY_POST = "The {method} method is not supported for this route. Supported methods: POST."
BROKEN = "Something went wrong here; the operator's log has the details."
STATUSES = {  # all others are 200; 429 is documented (rate-limits.mdx), and 503 (error-codes.mdx)
    ProblemKind.RATE_LIMITED: 429,
    ProblemKind.UNAVAILABLE: 503,
    ProblemKind.BROKEN: 500,
}

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.Response]]
Values = dict[str, object]


class ModelsLabDoor:
    """Answers clients of stablediffusionapi.com and of ModelsLab.

    Args:
        gate: Lets requests in.
        counter: Takes orders and tells of them.
        links: Says where a file will be.
        aliases: What clients' names of models stand for.
        images: Gets init images.
    """

    def __init__(
        self, *, gate: Gate, counter: Counter, links: Links, aliases: Aliases, images: InitImages
    ) -> None:
        self._gate = gate
        self._counter = counter
        self._links = links
        self._aliases = aliases
        self._images = images

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return what is to be served."""
        handlers: dict[str, Handler] = {
            V4_SUBMIT: self._submit_v4,
            V6_SUBMIT: self._submit_v6,
            V4_FETCH: self._fetch_named,
            MODEL_LIST: self._model_list,
            **dict.fromkeys(FETCHES, self._fetch),
        }
        routes: list[web.AbstractRouteDef] = []
        for path, handler in handlers.items():
            routes += [web.post(path, _answering(handler)), web.route("*", path, _only_post)]
        return routes

    async def _submit_v4(self, request: web.Request) -> web.Response:
        key, values = await self._read(request, limit=MAX_IMAGE_BODY)
        return await self._submit(request, key, read(AskedV4, values))

    async def _submit_v6(self, request: web.Request) -> web.Response:
        key, values = await self._read(request, limit=MAX_IMAGE_BODY)
        return await self._submit(request, key, read(AskedV6, values))

    async def _submit(
        self, request: web.Request, key: ApiKey, body: AskedV4 | AskedV6
    ) -> web.Response:
        base, again = self._gate.base_of(request), idempotency_key_of(request)
        image = await self._image(body.init_image)
        model_id = self._aliases.resolve(body.model_id)
        models = await self._counter.models()
        asked = request_of(body, model_id, models, image=image)
        address = address_of(body, asked, base=base, models=models)
        placed = await self._counter.submit(key, asked, address, idempotency_key=again)
        job = placed.job
        if job.state.is_final:
            return _json(answers.told(await self._counter.look(key, job.id, base=base), base=base))
        future = self._links.url_of(job, base=base, ttl_s=ttl_of(job))
        return _json(answers.taken(job, placed.standing, base=base, future=future))

    async def _image(self, value: str | None) -> str | None:
        """Fetch, check and keep an init image; return its id."""
        if value is None:
            return None
        return await self._counter.accept_image(await self._images.content_of(value))

    async def _fetch(self, request: web.Request) -> web.Response:
        key, values = await self._read(request)
        read(Fetch, values)
        return await self._look(request, key, request.match_info["id"])

    async def _fetch_named(self, request: web.Request) -> web.Response:
        key, values = await self._read(request)
        return await self._look(request, key, read(FetchById, values).request_id)

    async def _look(self, request: web.Request, key: ApiKey, number: str) -> web.Response:
        base = self._gate.base_of(request)
        look = await self._counter.look(key, _job_id(number), base=base)
        return _json(answers.told(look, base=base))

    async def _model_list(self, request: web.Request) -> web.Response:
        _, values = await self._read(request)
        read(Fetch, values)
        return _json(*answers.rows_of(await self._counter.models()), is_list=True)

    async def _read(self, request: web.Request, *, limit: int = MAX_BODY) -> tuple[ApiKey, Values]:
        """Return who asks, and what the body says.

        Raises:
            Problem: The gate does not let it in, or the body makes no sense.
        """
        body = await self._gate.read(request, limit=limit)
        try:
            values = read_payload(body, request.content_type)
        except Problem:
            await self._charge(request)
            raise
        key = values.get("key")
        return await self._gate.admit(request, key if isinstance(key, str) else None), values

    async def _charge(self, request: web.Request) -> None:
        """Hold a body that makes no sense against its sender, unless a header has a good key."""
        try:
            await self._gate.admit(request)
        except Problem as problem:
            if problem.kind is not ProblemKind.UNAUTHORIZED:
                raise


def _job_id(number: str) -> JobId:
    """Return the id that a number in a path stands for.

    Raises:
        Problem: It stands for none.
    """
    try:
        return job_id_of(int(number) if number.isascii() and number.isdigit() else 0)
    except ValueError:
        raise Problem(ProblemKind.NOT_FOUND, "There is no such job here.") from None


def _answering(handler: Handler) -> Handler:
    """Have whatever a handler raises answered in the shapes of this protocol."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except InvalidError as error:
            return _json(refusals.wrong_fields(error.errors))
        except Problem as problem:
            return _problem(problem)
        except web.HTTPException:
            raise
        except Exception:
            logger.exception("A request failed", extra={"action": "api_broken"})
            return _problem(Problem(ProblemKind.BROKEN, BROKEN))

    return answer


def _problem(problem: Problem) -> web.Response:
    response = _json(refusals.refusal_of(problem), status=STATUSES.get(problem.kind, 200))
    if problem.retry_after_s is not None:
        response.headers["Retry-After"] = str(math.ceil(problem.retry_after_s))
    return response


async def _only_post(request: web.Request) -> web.Response:
    said = ONLY_POST.format(method=request.method)
    response = _json(refusals.refused(said), status=405)
    response.headers["Allow"] = "POST"
    return response


def _json(*bodies: BaseModel, is_list: bool = False, status: int = 200) -> web.Response:
    """Write an answer; ASCII only, since a text from outside may hold what UTF-8 has not."""
    values = [body.model_dump(exclude_none=isinstance(body, Refused)) for body in bodies]
    text = json.dumps(values if is_list else values[0], allow_nan=False)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=text, status=status, content_type="application/json", headers=headers)
