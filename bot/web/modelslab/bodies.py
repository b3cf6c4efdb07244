"""What may be asked in this protocol, field by field, with the defaults of its documents.

v4 is the "Train Text to Video Endpoint" document of stablediffusionapi.com, v6 the Text to Video
page of docs.modelslab.com. `init_image`, `safetychecker`, and at v6 also `scheduler`, `strength`
and `enhance_prompt`, are in neither and act as they are called. Names that are not known are
ignored, as the services ignore them.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    model_validator,
)

from bot.web.modelslab.fields import (
    ClipSkip,
    Fps,
    Frames,
    Guidance,
    GuidanceV6,
    Key,
    ModelName,
    OutputType,
    Prompt,
    SchedulerName,
    Seed,
    Side,
    Steps,
    Strength,
    Text,
    WebhookUrl,
    Word,
    YesNo,
    is_nothing,
)
from jobs.request import VideoFormat

# What a client may leave out. v4's document gives most of them only in its example, whose answer
# says 20 steps, 40 frames and 5 seconds.
SIDE = 512
STEPS = 20
V4_FRAMES, V4_FPS, V4_GUIDANCE = 40, 8, 7.5
V6_FRAMES, V6_FPS, V6_GUIDANCE = 25, 8, 7.0
STRENGTH = 0.7

_SENTENCES = {"missing": "field is required.", "string_type": "must be a string."}
_VERBATIM = frozenset({"prompt", "key"})  # where the word `null` is a word

Body = TypeVar("Body", bound=BaseModel)


class InvalidError(Exception):
    """A body whose fields are wrong; holds sentences by the fields' names on the wire."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(", ".join(errors))
        self.errors = errors


class _Body(BaseModel, frozen=True, extra="ignore"):
    """A body in which what stands for nothing is as good as absent.

    Attributes:
        key: The API key; a header may hold it instead.
    """

    key: Key = ""

    @model_validator(mode="before")
    @classmethod
    def _drop_nothing(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if not _is_absent(name, value)}


def _is_absent(name: object, value: object) -> bool:
    return value in (None, "") if name in _VERBATIM else is_nothing(value)


class Asked(_Body, frozen=True):
    """What both versions of the endpoint take.

    Attributes:
        model_id: A name of a model, resolved through the operator's aliases.
        prompt: What to show.
        negative_prompt: What to keep out.
        width: Pixels; scaled to if the model cannot.
        height: The same.
        scheduler: One of the 18 names, or the model's own.
        num_inference_steps: Denoising steps.
        strength: How much of the init image is lost, 1 is all; without one it is only repeated.
        seed: None or -1 is drawn.
        webhook: Where the end is told.
        track_id: Sent along with that.
        init_image: A base64 data URL or an https URL; an extension.
        safetychecker: The model's own is to look at the video; `no` switches nothing off. Spelt as
            the document's answer spells it, or as other endpoints do, `safety_checker`.
    """

    model_id: ModelName
    prompt: Prompt
    negative_prompt: Text = ""
    width: Side = SIDE
    height: Side = SIDE
    scheduler: SchedulerName | None = None
    num_inference_steps: Steps = STEPS
    strength: Strength = STRENGTH
    seed: Seed = -1
    webhook: WebhookUrl = None
    track_id: Word | None = None
    init_image: str | None = None
    safetychecker: YesNo = Field(
        default=False, validation_alias=AliasChoices("safetychecker", "safety_checker")
    )


class AskedV4(Asked, frozen=True):
    """`POST /api/v4/dreambooth/text2video`; the number of frames cannot be chosen."""

    version: ClassVar[str] = "v4"

    guidance_scale: Guidance = V4_GUIDANCE
    enhance_prompt: YesNo = True


class AskedV6(Asked, frozen=True):
    """`POST /api/v6/video/text2video`."""

    version: ClassVar[str] = "v6"

    guidance_scale: GuidanceV6 = V6_GUIDANCE
    enhance_prompt: YesNo = False
    num_frames: Frames = V6_FRAMES
    fps: Fps = V6_FPS
    output_type: OutputType = VideoFormat.GIF
    clip_skip: ClipSkip = 1


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


class Fetch(_Body, frozen=True):
    """A body of the routes that have the id in their path, and of the list of models."""


class FetchById(_Body, frozen=True):
    """`POST /api/v4/dreambooth/fetch`."""

    request_id: Annotated[str, BeforeValidator(_as_text)] = Field(
        json_schema_extra={"anyOf": [{"type": "integer"}, {"type": "string"}]}
    )


def read(kind: type[Body], values: Mapping[str, object]) -> Body:
    """Return a body of a kind.

    Raises:
        InvalidError: A field is missing or wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found: dict[str, list[str]] = {}
        for one in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(one["loc"][0]) if one["loc"] else "body"
            found.setdefault(name, []).append(_sentence(name, one["type"], one["msg"]))
        raise InvalidError(found) from None


def _sentence(name: str, kind: str, said: str) -> str:
    words = name.replace("_", " ")
    wrong = said if kind == "wrong" else _SENTENCES.get(kind, "is not valid.")
    return f"The {words} {wrong}"
