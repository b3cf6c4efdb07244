"""What the fake reads and writes, as Novita documents it.

Sources: https://novita.ai/docs/api-reference/model-apis-txt2video, -task-result, -webhook,
-get-model and basic-error-code.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt

QUEUED, PROCESSING = "TASK_STATUS_QUEUED", "TASK_STATUS_PROCESSING"
SUCCEED, FAILED = "TASK_STATUS_SUCCEED", "TASK_STATUS_FAILED"
PROGRESS = {QUEUED: 0, PROCESSING: 50}

# By reason: the documented status, and a message.
ERRORS = {
    "INVALID_REQUEST_BODY": (400, "Invalid request body"),
    "INVALID_CUSTOM_OUTPUT_PATH": (400, "Invalid custom output path"),
    "ILLEGAL_PROMPT": (400, "The prompt contains illegal content"),
    "BILLING_BALANCE_NOT_ENOUGH": (400, "Balance not enough"),
    "MISSING_API_KEY": (400, "Missing API key"),
    "INVALID_API_KEY": (403, "Invalid API key"),
    "BILLING_AUTH_FAILED": (403, "Billing auth failed"),
    "API_NOT_ALLOWED": (403, "API not allowed"),
    "NEED_REAL_NAME_VERIFY": (403, "Real name verification needed"),
    "API_NOT_FOUND": (404, "API not found"),
    "TASK_NOT_FOUND": (404, "Task not found"),
    "RATE_LIMIT_EXCEEDED": (429, "Rate limit exceeded"),
    "BILLING_FAILED": (500, "Billing failed"),
    "CREATE_TASK_FAILED": (500, "Create task failed"),
    "GET_RESULT_FAILED": (500, "Get result failed"),
    "TASK_FAILED": (500, "Task failed"),
}


class Part(BaseModel):
    """A prompt and its frames."""

    frames: StrictInt = Field(ge=8, le=64)
    prompt: str = Field(min_length=1, max_length=1024)


class Lora(BaseModel):
    """A LoRA and its strength."""

    model_name: str
    strength: float = Field(ge=0, le=1)


class Embedding(BaseModel):
    """A textual inversion."""

    model_name: str


class MockEvent(BaseModel):
    """Whether a made-up event is asked for instead of a video."""

    enabled: StrictBool = False
    return_task_status: Literal["TASK_STATUS_SUCCEED", "TASK_STATUS_FAILED"] = "TASK_STATUS_SUCCEED"


class Webhook(BaseModel):
    """Where the event goes."""

    url: str
    test_mode: MockEvent = MockEvent()


class Extra(BaseModel):
    """What is beside the picture."""

    response_video_type: Literal["mp4", "gif"] = "mp4"
    webhook: Webhook | None = None


def _add_up(parts: list[Part]) -> list[Part]:
    if sum(part.frames for part in parts) > 128:
        raise ValueError("more than 128 frames")
    return parts


class Submit(BaseModel, protected_namespaces=()):
    """The body of `/v3/async/txt2video`."""

    model_name: str
    height: StrictInt = Field(ge=256, le=1024)
    width: StrictInt = Field(ge=256, le=1024)
    steps: StrictInt = Field(ge=1, le=50)
    prompts: Annotated[list[Part], Field(min_length=1), AfterValidator(_add_up)]
    negative_prompt: str | None = Field(default=None, min_length=1, max_length=1024)
    guidance_scale: float | None = Field(default=None, ge=1, le=30)
    seed: StrictInt | None = Field(default=None, ge=-1)
    loras: list[Lora] | None = Field(default=None, max_length=5)
    embeddings: list[Embedding] | None = Field(default=None, max_length=5)
    closed_loop: StrictBool | None = None
    clip_skip: StrictInt | None = Field(default=None, ge=1, le=12)
    extra: Extra | None = None

    @property
    def webhook(self) -> Webhook | None:
        return self.extra.webhook if self.extra else None


def error(reason: str, message: str = "", *, code: int | None = None) -> dict[str, Any]:
    """Return a refusal as the gateway writes it."""
    known, text = ERRORS.get(reason, (400, reason))
    return {"code": code or known, "reason": reason, "message": message or text, "metadata": {}}


def result(task_id: str, status: str, *, seed: object, url: str | None = None) -> dict[str, Any]:
    """Return the body of task-result, in the form that every SDK of Novita reads."""
    video = {"video_url": url, "video_url_ttl": "3600", "video_type": "mp4"}
    return {
        "extra": {
            "seed": str(seed),
            "enable_nsfw_detection": False,
            "debug_info": {
                "request_info": "",
                "submit_time_ms": "1700000000000",
                "execute_time_ms": "1700000000100",
                "complete_time_ms": "1700000000200",
            },
        },
        "task": {
            "task_id": task_id,
            "status": status,
            "reason": "OUT_OF_MEMORY" if status == FAILED else "",
            "task_type": "TXT_TO_VIDEO",
            "eta": 0,
            "progress_percent": PROGRESS.get(status, 100),
        },
        "images": [],
        "videos": [video] if url else [],
        "audios": [],
    }


def in_strings(value: object) -> object:
    """Return the same with every number as a string."""
    if isinstance(value, dict):
        return {key: in_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [in_strings(item) for item in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def model(number: int, name: str, kind: str, **changes: Any) -> dict[str, Any]:
    """Return one item of `/v3/model`."""
    return {
        "id": number,
        "name": name.partition(".")[0],
        "hash_sha256": f"{number:010X}",
        "sd_name": name,
        "type": {"name": kind, "display_name": kind.title()},
        "categories": [],
        "status": 1,
        "tags": [],
        "cover_url": "",
        "base_model": "SD 1.5",
        "base_model_type": "Standard",
        "source": "civitai",
        "download_url_ttl": 2592000,
        "sd_name_in_api": name,
        "is_sdxl": False,
        **changes,
    }


MODELS = (
    model(1, "dreamshaper_8_93211.safetensors", "checkpoint"),
    model(2, "darkSushiMixMix_225D_64380.safetensors", "checkpoint"),
    model(3, "realistic-inpainting_81543.safetensors", "checkpoint", base_model_type="Inpainting"),
    model(4, "sd_xl_base_1.0.safetensors", "checkpoint", base_model="SDXL 1.0", is_sdxl=True),
    model(5, "not_ready.safetensors", "checkpoint", status=0),
    model(6, "add_detail_44319.safetensors", "lora"),
    model(7, "offset_xl.safetensors", "lora", base_model="SDXL 1.0", is_sdxl=True),
    model(8, "badhandv4_16755.pt", "textualinversion"),
)
