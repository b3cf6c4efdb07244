"""What may be asked at the Novita door, in that protocol's own names and ranges.

Source: https://novita.ai/docs/api-reference/model-apis-txt2video. Novita's own SDKs send null
for whatever was not set, so a null is the same as a field that is not there. Fields that are not
documented are let through unread.
"""

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bot.web.problems import Problem, ProblemKind
from jobs.request import (
    MAX_CLIP_SKIP,
    MAX_EMBEDDINGS,
    MAX_FRAMES,
    MAX_GUIDANCE,
    MAX_LORAS,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SEGMENTS,
    MAX_STEPS,
    MIN_FRAMES,
)

MAX_PART_FRAMES = 64
MIN_SIDE, MAX_SIDE = 256, 1024
MAX_NAME_CHARS = 256
MAX_URL_CHARS = 2048


class VideoType(StrEnum):
    """The file that is asked for."""

    MP4 = "mp4"
    GIF = "gif"


class EndStatus(StrEnum):
    """How a task that is over ended."""

    SUCCEED = "TASK_STATUS_SUCCEED"
    FAILED = "TASK_STATUS_FAILED"


def _whole(value: object) -> object:
    """Read 20.0 as 20: JSON does not tell them apart, and JSON Schema calls both an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _webhook_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or any(char <= " " or char > "~" for char in url):
        raise ValueError("it is no http address")
    return url


Whole = BeforeValidator(_whole)
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARS)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE), Whole]
PartFrames = Annotated[int, Field(ge=MIN_FRAMES, le=MAX_PART_FRAMES), Whole]
Steps = Annotated[int, Field(ge=1, le=MAX_STEPS), Whole]
Seed = Annotated[int, Field(ge=-1, le=MAX_SEED), Whole]
ClipSkip = Annotated[int, Field(ge=1, le=MAX_CLIP_SKIP), Whole]
Guidance = Annotated[float, Field(ge=1, le=MAX_GUIDANCE)]
Strength = Annotated[float, Field(ge=0, le=1)]
PromptText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PROMPT_CHARS)]
NegativeText = Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARS)]
WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL_CHARS),
    AfterValidator(_webhook_url),
]


class _Asked(BaseModel, frozen=True):
    """A part of a body: numbers are numbers and not strings, as the document has them."""

    model_config = ConfigDict(strict=True, protected_namespaces=(), hide_input_in_errors=True)


class Part(_Asked, frozen=True):
    """A prompt and the frames it holds for."""

    frames: PartFrames
    prompt: PromptText


class Lora(_Asked, frozen=True):
    """A LoRA and how strongly it acts; the official client may leave the strength at null."""

    model_name: Name
    strength: Strength | None = None


class Embedding(_Asked, frozen=True):
    """A textual inversion."""

    model_name: Name


class TestMode(_Asked, frozen=True):
    """Whether a made-up event is wanted instead of a video."""

    enabled: bool | None = None
    return_task_status: Annotated[EndStatus, Field(strict=False)] | None = None


class Webhook(_Asked, frozen=True):
    """Where the end of the task is told."""

    url: WebhookUrl
    test_mode: TestMode | None = None


class EnterprisePlan(_Asked, frozen=True):
    """A tariff of Novita's; here it changes nothing."""

    enabled: bool | None = None


class Extra(_Asked, frozen=True):
    """What does not concern the picture."""

    response_video_type: Annotated[VideoType, Field(strict=False)] | None = None
    webhook: Webhook | None = None
    enterprise_plan: EnterprisePlan | None = None


class Submit(_Asked, frozen=True):
    """The body of `POST /v3/async/txt2video`.

    Attributes:
        model_name: A name of `/v3/model`, or an alias of one.
        height: Pixels; a size that the model cannot do is made at its nearest one and scaled.
        width: Pixels, likewise.
        steps: Denoising steps.
        prompts: What to show, part by part, each for so many frames; at most 128 frames in all.
        negative_prompt: What to keep out of the picture.
        guidance_scale: How closely to follow the prompt; the model's own if left out.
        seed: Repeats a video; -1, or none, draws one, and the result names it.
        loras: LoRAs and how strongly they act.
        embeddings: Textual inversions.
        closed_loop: The end leads back to the beginning.
        clip_skip: How many of the text encoder's last layers to leave out; 1 is none.
        extra: The kind of file, and where the end is told.
    """

    model_name: Name
    height: Side
    width: Side
    steps: Steps
    prompts: Annotated[list[Part], Field(min_length=1, max_length=MAX_SEGMENTS)]
    negative_prompt: NegativeText | None = None
    guidance_scale: Guidance | None = None
    seed: Seed | None = None
    loras: Annotated[list[Lora], Field(max_length=MAX_LORAS)] | None = None
    embeddings: Annotated[list[Embedding], Field(max_length=MAX_EMBEDDINGS)] | None = None
    closed_loop: bool | None = None
    clip_skip: ClipSkip | None = None
    extra: Extra | None = None

    @model_validator(mode="after")
    def check_frames(self) -> Self:
        """Hold all parts together to the documented number of frames."""
        total = sum(part.frames for part in self.prompts)
        if total > MAX_FRAMES:
            raise ValueError(f"`prompts` ask for {total} frames; {MAX_FRAMES} in sum is the most")
        return self

    @property
    def webhook(self) -> Webhook | None:
        """Where the end of the task is told, if anywhere."""
        return None if self.extra is None else self.extra.webhook

    @property
    def video_type(self) -> VideoType:
        """The file that is asked for; mp4 is the documented default."""
        asked = None if self.extra is None else self.extra.response_video_type
        return asked or VideoType.MP4

    @property
    def mock_status(self) -> EndStatus | None:
        """The end that a made-up event is to tell of; None if a video is wanted."""
        mode = None if self.webhook is None else self.webhook.test_mode
        if mode is None or not mode.enabled:
            return None
        return mode.return_task_status or EndStatus.SUCCEED


def read_submit(content: bytes) -> Submit:
    """Read the body of a submit.

    Raises:
        Problem: It is no JSON, or something in it is missing or outside its range.
    """
    try:
        return Submit.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
    if fault["type"] == "json_invalid":
        raise Problem(ProblemKind.BAD_REQUEST, "The body is not JSON.")
    field = ".".join(str(part) for part in fault["loc"])[:100]
    message = fault["msg"].removeprefix("Value error, ")
    message = f"`{field}`: {message}." if field else f"{message}."
    raise Problem(ProblemKind.BAD_REQUEST, message, field=field)
