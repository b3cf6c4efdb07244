"""A ModelsLab that behaves as its documents say, in all three dialects, and misbehaves on demand.

Its quirks are those that clients have recorded: `messege`, an `id` that is sometimes a number, an
`output` that is sometimes a string, errors inside a 200, a model that is silently another.
"""

import json
from itertools import count
from typing import Any

from aiohttp import web
from typing_extensions import override

from tests.fakes.faults import Fault, Kind, Place
from tests.fakes.films import Film
from tests.fakes.hosted import FAULT, FakeJob, FakeService

MODELS = {"midjourney": "mdjrny-v4 style", "anything-v5": None}
V6_MODELS = ("wan2.2", "ltx-2.3")
STYLE = " DSLR photography, sharp focus"
OWN_NEGATIVE = "((out of frame)), ((extra fingers))"
INVALID_KEY = {
    "status": "error",
    "message": "Invalid Api Key",
    "tip": "1. Make sure you are passing Content-Type: application/json in header. "
    "4. Make sure you have valid API key.",
}
NOT_FOUND = {"status": "failed", "id": "", "message": "Request not found", "output": ""}
TRY_AGAIN = {"status": "processing", "message": "try again later.", "output": "", "tip": "Wait."}


class FakeModelsLab(FakeService):
    """One ModelsLab with one account.

    Attributes:
        queue_limit: How many unfinished jobs the account may have.
    """

    def __init__(self, *, key: str = "a-key-of-the-fake") -> None:
        super().__init__(key=key)
        self.queue_limit = 1000
        self._ids = count(13801718)

    @override
    def add_routes(self) -> None:
        for dialect, path in (
            ("v4", "/api/v4/dreambooth/text2video"),
            ("v6", "/api/v6/video/text2video"),
            ("v7", "/api/v7/video-fusion/text-to-video"),
        ):
            self.route("POST", path, self._submitter(dialect), Place.SUBMIT)
        for path in ("/api/v3/dreambooth", "/api/v6/video", "/api/v7/video-fusion"):
            self.route("POST", path + "/fetch/{id}", self._fetch, Place.LOOK)
        self.route("POST", "/api/v4/dreambooth/model_list", self._model_list, Place.MODELS)
        self.route("POST", "/api/v6/processing/request_count", self._count, Place.MODELS)

    @override
    def webhook_body(self, job: FakeJob) -> dict[str, Any]:
        return {
            "status": "success",
            "id": job.id,  # a string here, a number elsewhere
            "output": [self.video_url(job)],
            "generationTime": 45.2,
            "track_id": job.body.get("track_id"),
            "meta": job.info,
        }

    @override
    def film_of(self, job: FakeJob) -> Film:
        info = job.info
        return Film(
            width=int(info.get("W") or info.get("width") or 512),
            height=int(info.get("H") or info.get("height") or 512),
            frames=int(info.get("num_frames") or 40),
            fps=int(info.get("fps") or 8),
        )

    def _submitter(self, dialect: str) -> Any:
        async def submit(request: web.Request) -> web.StreamResponse:
            body = await read_body(request)
            refusal = self._refusal(body, dialect)
            if refusal is not None:
                return refusal
            assert body is not None
            job = FakeJob(
                id=str(next(self._ids)),
                body=body,
                hook_url=body.get("webhook"),
                info=effective(body, dialect),
            )
            job.info["id"] = job.id
            await self.take_on(request, job)
            return web.json_response(self._taken(job, dialect, request[FAULT]))

        return submit

    def _refusal(self, body: dict[str, Any] | None, dialect: str) -> web.Response | None:
        refusal = self._key_refusal(body)
        if refusal is not None or body is None:
            return refusal
        if not body.get("prompt"):
            return error({"prompt": ["The prompt field is required."]})
        if dialect == "v4" and body.get("model_id") not in MODELS:
            return error("Model id not found")
        waiting = sum(not job.is_done for job in self.jobs.values())
        if waiting >= self.queue_limit:
            told = f"Rate limit exceeded. Maximum {self.queue_limit} queued requests allowed."
            return error(told, status=429, retry_after=30)
        return None

    def _key_refusal(self, body: dict[str, Any] | None) -> web.Response | None:
        if body is None:
            return error("Invalid API Request")
        if body.get("key") != self.key:
            return web.json_response(INVALID_KEY)
        return None

    def _taken(self, job: FakeJob, dialect: str, fault: Fault | None) -> dict[str, Any]:
        said: dict[str, Any] = {
            "status": "processing",
            "tip": "for faster speed, keep resolution upto 512x512",
            "eta": self.eta_s,
            "fetch_result": f"https://elsewhere.example/fetch/{job.id}",
            "id": int(job.id),
            "output": [],
            "meta": job.info,
        }
        if dialect == "v4":
            said["messege"] = "Try to fetch request after given estimated time"
        else:
            said["message"] = "Try to fetch request after seconds estimated"
            said["future_links"] = [self.video_url(job)]
        if fault is not None and fault.kind is Kind.STRINGS:
            said |= {"id": job.id, "eta": str(self.eta_s), "meta": as_strings(job.info)}
        return said

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        refusal = self._key_refusal(await read_body(request))
        if refusal is not None:
            return refusal
        fault = request[FAULT]
        job = self.jobs.get(request.match_info["id"])
        kind = fault.kind if fault else None
        if job is None or kind is Kind.NOT_FOUND:
            return web.json_response(NOT_FOUND)
        return web.json_response(self._told_of(job, kind))

    def _told_of(self, job: FakeJob, kind: Kind | None) -> dict[str, Any]:
        if kind is Kind.FAILED:
            return {"status": "failed", "id": "", "message": "Failed, Try Again", "output": ""}
        if kind is Kind.STRANGE:
            return {"status": "warming up", "output": ""}
        if kind is Kind.STUCK or not self.is_done(job):
            return TRY_AGAIN
        output = [] if kind is Kind.NO_URL else [self.video_url(job)]
        number = job.id if kind is Kind.STRINGS else int(job.id)
        found = {"nsfw_content_detected": True} if kind is Kind.FLAGGED else {}
        return {"status": "success", "id": number, "output": output, **found}

    async def _model_list(self, request: web.Request) -> web.StreamResponse:
        refusal = self._key_refusal(await read_body(request))
        rows = [
            {
                "model_id": name,
                "status": "model_ready",
                "created_at": None,
                "instance_prompt": word,
                "model_name": name.title(),
                "description": "...",
                "screenshots": "https://pictures.example/1.png",
            }
            for name, word in MODELS.items()
        ]
        return refusal or web.json_response(rows)

    async def _count(self, request: web.Request) -> web.StreamResponse:
        refusal = self._key_refusal(await read_body(request))
        said = {"status": "success", "processing_count": len(self.jobs), "message": "ok"}
        return refusal or web.json_response(said)


async def read_body(request: web.Request) -> dict[str, Any] | None:
    """Return the JSON of a request, or None if it is none."""
    try:
        body: Any = json.loads(await request.read())
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def error(message: Any, *, status: int = 200, **more: Any) -> web.Response:
    return web.json_response({"status": "error", "message": message, **more}, status=status)


def effective(body: dict[str, Any], dialect: str) -> dict[str, Any]:
    """Return the `meta` of a submit: what the service says that it will use."""
    if dialect != "v4":
        asked = {name: value for name, value in body.items() if name != "key"}
        model = body["model_id"]
        known = dialect == "v7" or model in V6_MODELS
        return {**asked, "model_id": model if known else "wan2.2", "temp": "no"}
    words = [MODELS[body["model_id"]], body["prompt"]]
    style = STYLE if body.get("enhance_prompt", "yes") == "yes" else ""
    return {
        "prompt": " ".join(word for word in words if word) + style,
        "model_id": body["model_id"],
        "scheduler": body.get("scheduler") or "UniPCMultistepScheduler",
        "negative_prompt": body.get("negative_prompt") or OWN_NEGATIVE,
        "W": int(body["width"]),
        "H": int(body["height"]),
        "guidance_scale": body["guidance_scale"],
        "steps": int(body["num_inference_steps"]),
        "strength": 0.55,
        "seconds": 5,
        "seed": body["seed"],
        "num_frames": 40,
    }


def as_strings(meta: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) for name, value in meta.items()}
