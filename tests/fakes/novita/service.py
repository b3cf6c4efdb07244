"""A Novita that behaves as its documents say, and misbehaves on demand.

It holds its callers to their key and to the documented ranges, and a mock event costs nothing.
"""

import uuid
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from typing_extensions import override

from tests.fakes.faults import Fault, Kind, Place
from tests.fakes.films import Film
from tests.fakes.hosted import FAULT, JOB, FakeJob, FakeService, post
from tests.fakes.novita import bodies
from tests.fakes.novita.bodies import FAILED, PROCESSING, QUEUED, SUCCEED, Submit

MAX_PAGE = 100
WEBHOOK_RETRIES = 5  # https://novita.ai/docs/api-reference/model-apis-webhook


class FakeNovita(FakeService):
    """One Novita with one account.

    Attributes:
        models: What `/v3/model` lists, of all kinds.
    """

    def __init__(self, *, key: str = "a-key-of-the-fake") -> None:
        super().__init__(key=key)
        self.models: list[dict[str, Any]] = list(bodies.MODELS)

    @override
    def add_routes(self) -> None:
        self.route("POST", "/v3/async/txt2video", self._submit, Place.SUBMIT)
        self.route("GET", "/v3/async/task-result", self._look, Place.LOOK)
        self.route("GET", "/v3/model", self._list, Place.MODELS)

    @override
    def webhook_body(self, job: FakeJob) -> dict[str, Any]:
        payload = self._result(job, job.info.get("status", SUCCEED))
        payload["extra"]["webhook"] = {"url": job.hook_url}
        return {"event_type": "ASYNC_TASK_RESULT", "payload": payload}

    @override
    def film_of(self, job: FakeJob) -> Film:
        frames = sum(prompt["frames"] for prompt in job.body["prompts"])
        return Film(width=job.body["width"], height=job.body["height"], frames=frames)

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        content = await request.read()
        refusal = self._key_refusal(request)
        if refusal is not None:
            return refusal
        try:
            submit = Submit.model_validate_json(content)
        except ValidationError as error:
            return refuse("INVALID_REQUEST_BODY", error.errors()[0]["msg"])
        if submit.model_name not in {model["sd_name"] for model in self.models}:
            return refuse("INVALID_REQUEST_BODY", f"model {submit.model_name} is not there")
        hook = submit.webhook
        job = FakeJob(
            id=str(uuid.uuid4()), body=await request.json(), hook_url=hook.url if hook else None
        )
        if hook and hook.test_mode.enabled:
            job.info["status"] = hook.test_mode.return_task_status
            request[JOB] = job  # it calls back, and is no bill
        else:
            await self.take_on(request, job)
        return web.json_response({"task_id": job.id})

    async def _look(self, request: web.Request) -> web.StreamResponse:
        refusal = self._key_refusal(request)
        if refusal is not None:
            return refusal
        fault: Fault | None = request[FAULT]
        kind = fault.kind if fault else None
        job = self.jobs.get(request.query.get("task_id", ""))
        if job is None or kind is Kind.NOT_FOUND:
            return refuse("TASK_NOT_FOUND")
        status = self._status(job, kind)
        result = self._result(job, status, has_video=kind is not Kind.NO_URL)
        if kind is Kind.FLAGGED:
            result["videos"][0]["nsfw_detection_result"] = {"valid": True, "confidence": 97.5}
        return web.json_response(bodies.in_strings(result) if kind is Kind.STRINGS else result)

    def _status(self, job: FakeJob, kind: Kind | None) -> str:
        match kind:
            case Kind.FAILED:
                return FAILED
            case Kind.STRANGE:
                return "TASK_STATUS_UNKNOWN"
            case Kind.STUCK:
                return PROCESSING
            case _ if self.is_done(job):
                return SUCCEED
            case _:
                return QUEUED if job.looks == 1 else PROCESSING

    def _result(self, job: FakeJob, status: str, *, has_video: bool = True) -> dict[str, Any]:
        url = f"{self.video_url(job)}?X-Amz-Expires=3600"
        return bodies.result(
            job.id,
            status,
            seed=job.body.get("seed", -1),
            url=url if has_video and status == SUCCEED else None,
        )

    async def _list(self, request: web.Request) -> web.StreamResponse:
        refusal = self._key_refusal(request)
        if refusal is not None:
            return refusal
        kind = request.query.get("filter.types", "")
        limit = int(request.query.get("pagination.limit", "10"))
        if not 0 < limit <= MAX_PAGE:
            return refuse("INVALID_REQUEST_BODY", "pagination.limit")
        start = int(request.query.get("pagination.cursor", "c_0").removeprefix("c_"))
        found = [model for model in self.models if kind in ("", model["type"]["name"])]
        more = f"c_{start + limit}" if start + limit < len(found) else ""
        page = {"models": found[start : start + limit], "pagination": {"next_cursor": more}}
        return web.json_response(page)

    @override
    async def _send_webhook(self, job: FakeJob) -> None:
        """Send it, and up to five times more until somebody takes it."""
        before = len(self.heard)
        await super()._send_webhook(job)
        if not job.hook_url or len(self.heard) == before:  # it is lost, by a fault
            return
        for _ in range(WEBHOOK_RETRIES):
            if 200 <= self.heard[-1] < 300:
                break
            self.heard.append(await post(job.hook_url, self.webhook_body(job)))
            await self.note(Place.WEBHOOK)

    def _key_refusal(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        if not given:
            return refuse("MISSING_API_KEY")
        return None if given.removeprefix("Bearer ") == self.key else refuse("INVALID_API_KEY")


def refuse(reason: str, message: str = "") -> web.Response:
    body = bodies.error(reason, message)
    return web.json_response(body, status=body["code"])
