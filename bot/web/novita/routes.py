"""The three routes of Novita's txt2video, over the same counter as every other door."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from pydantic import BaseModel

from bot.web.counter import Counter
from bot.web.gate import Gate, idempotency_key_of
from bot.web.novita.answers import Submitted, event_body, task_result
from bot.web.novita.bodies import EndStatus, Submit, VideoType, read_submit
from bot.web.novita.listing import everything, page_of
from bot.web.novita.mocks import SAMPLE_PATH, SAMPLES, draw_mock_id, mock_result
from bot.web.novita.orders import Shelf, address_of, request_of
from bot.web.novita.refusals import Reason, not_an_api, refusal
from bot.web.problems import Problem, ProblemKind, problem_of
from jobs.aliases import Aliases
from jobs.errors import NO_SUCH_JOB, FlipbookError
from jobs.model import JobId
from jobs.ports import Catalogue, Clock

logger = logging.getLogger(__name__)

TXT2VIDEO = "/v3/async/txt2video"
TASK_RESULT = "/v3/async/task-result"
MODELS = "/v3/model"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
SendEvent = Callable[[str, Mapping[str, object]], Awaitable[None]]
"""Keeps a webhook that is about no job, by its address and body, until it is sent."""

_JOB_ID = re.compile(r"[0-9a-z]{1,32}")


class NovitaDoor:
    """Serves the protocol.

    Args:
        gate: Lets callers in.
        counter: Takes their orders.
        catalogue: Knows which LoRAs and embeddings there are.
        aliases: Know the names that clients of Novita use.
        send_event: Sends the made-up events of the webhook's test mode.
        clock: Tells the time.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        counter: Counter,
        catalogue: Catalogue,
        aliases: Aliases,
        send_event: SendEvent,
        clock: Clock,
    ) -> None:
        self._gate = gate
        self._counter = counter
        self._catalogue = catalogue
        self._aliases = aliases
        self._send_event = send_event
        self._clock = clock

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the protocol's routes, and what answers to all the rest of its paths."""
        submit = _guarded(self._submit, broken=Reason.CREATE_TASK_FAILED)
        look = _guarded(self._look, broken=Reason.GET_RESULT_FAILED)
        models = _guarded(self._models, broken=Reason.GET_RESULT_FAILED)
        return [
            web.post(TXT2VIDEO, submit),
            web.route("*", TXT2VIDEO, _only("POST")),
            web.get(TASK_RESULT, look),
            web.route("*", TASK_RESULT, _only("GET, HEAD")),
            web.get(MODELS, models),
            web.route("*", MODELS, _only("GET, HEAD")),
            *(web.get(f"{SAMPLE_PATH}.{kind}", _sample(kind)) for kind in VideoType),
            web.route("*", "/v3/async/{api:[^/]+}", _unknown),
        ]

    async def _submit(self, request: web.Request) -> web.Response:
        content = await self._gate.read(request)
        key = await self._gate.admit(request)
        submit, base = read_submit(content), self._gate.base_of(request)
        status = submit.mock_status
        if status is not None:
            return _answer(Submitted(task_id=await self._mock(submit, status, base)))
        placed = await self._counter.submit(
            key,
            request_of(submit, await self._shelf()),
            address_of(submit, base=base),
            idempotency_key=idempotency_key_of(request),
        )
        return _answer(Submitted(task_id=placed.job.id))

    async def _mock(self, submit: Submit, status: EndStatus, base: str) -> str:
        """Have a made-up event sent, and return the id of the task that it is about."""
        task_id = draw_mock_id(status, submit.video_type)
        result = mock_result(task_id, base=base, now=self._clock.now())
        assert result is not None and submit.webhook is not None, "both are made for this"  # noqa: S101, PT018 - says so to the type checker
        url = submit.webhook.url
        try:
            await self._send_event(url, event_body(result, url=url))
        except FlipbookError as error:
            raise problem_of(error) from error
        return task_id

    async def _look(self, request: web.Request) -> web.Response:
        await self._gate.read(request)
        key = await self._gate.admit(request)
        task_id, base = request.query.get("task_id", ""), self._gate.base_of(request)
        if not task_id:
            message = "`task_id` has to be in the query."
            raise Problem(ProblemKind.BAD_REQUEST, message, field="task_id")
        mock = mock_result(task_id, base=base, now=self._clock.now())
        if mock is not None:
            return _answer(mock)
        if not _JOB_ID.fullmatch(task_id):
            raise Problem(ProblemKind.NOT_FOUND, NO_SUCH_JOB)
        look = await self._counter.look(key, JobId(task_id), base=base)
        return _answer(task_result(look, now=self._clock.now()))

    async def _models(self, request: web.Request) -> web.Response:
        await self._gate.read(request)
        await self._gate.admit(request)
        shelf = await self._shelf()
        models = everything(shelf.models, shelf.loras, shelf.embeddings)
        return _answer(page_of(models, request.query))

    async def _shelf(self) -> Shelf:
        providers = self._catalogue.providers()
        return Shelf(
            models=await self._counter.models(),
            loras=dict.fromkeys(name for one in providers for name in one.loras()),
            embeddings=dict.fromkeys(name for one in providers for name in one.embeddings()),
            resolve=self._aliases.resolve,
        )


def _guarded(handler: Handler, *, broken: Reason) -> Handler:
    """Answer in the protocol's own shape, whatever a handler raises."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Problem as error:
            problem = error
        except Exception:
            logger.exception("Novita door: %s failed", request.path, extra={"action": "door_broke"})
            problem = Problem(ProblemKind.BROKEN, "Flipbook failed to answer.")
        has_key = bool(request.headers.get("Authorization", "").strip())
        return refusal(problem, has_key=has_key, broken=broken)

    return answer


def _answer(body: BaseModel) -> web.Response:
    text = body.model_dump_json(exclude_none=True)
    return web.json_response(text=text, headers={"Cache-Control": "no-store"})


def _only(methods: str) -> Handler:
    async def refuse(_: web.Request) -> web.StreamResponse:
        answer = not_an_api(status=405)
        answer.headers["Allow"] = methods
        return answer

    return refuse


async def _unknown(_: web.Request) -> web.StreamResponse:
    return not_an_api(status=404)


def _sample(kind: VideoType) -> Handler:
    async def send(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(SAMPLES / f"sample.{kind}")

    return send
