"""The shapes of all answers of this protocol, as models, so that its document can show them.

They are those of the v4 document and of docs.modelslab.com. Both spellings of `message` are
always sent: each has clients that look for it alone.
"""

from typing import Literal

from pydantic import BaseModel

Said = str | dict[str, list[str]]


class MetaV4(BaseModel):
    """What a video of v4 is made with, in that document's names.

    Attributes:
        prompt: As asked; once it is rendered, as it was used.
        W: The width of the file; the model rendered at `rendered_W`.
        H: The height of the file; the model rendered at `rendered_H`.
        scheduler: None until it is rendered if none was asked: the model's own.
        safetychecker: `yes` where the model's own looks at the video.
        warnings: What was asked and is not honoured as asked, one sentence each.
    """

    prompt: str
    model_id: str
    scheduler: str | None
    safetychecker: str = "no"
    negative_prompt: str
    W: int
    H: int
    guidance_scale: float
    steps: int
    strength: float
    full_url: str = "no"
    seconds: float
    multi_lingual: str = "no"
    seed: int
    outdir: str = "out"
    file_prefix: str
    num_frames: int
    fps: float
    rendered_W: int  # noqa: N815 - goes with W
    rendered_H: int  # noqa: N815 - goes with H
    warnings: list[str]


class MetaV6(BaseModel):
    """What a video of v6 is made with, in that document's names; see `MetaV4`."""

    base64: str = "no"
    clip_skip: int
    file_prefix: str
    fps: float
    guidance_scale: float
    height: int
    id: str
    instant_response: str = "no"
    model_id: str
    negative_prompt: str
    num_frames: int
    num_inference_steps: int
    output_type: str
    prompt: str
    scheduler: str | None
    seed: int
    strength: float
    temp: str = "no"
    track_id: str | None
    webhook: str | None
    width: int
    rendered_width: int
    rendered_height: int
    warnings: list[str]


Meta = MetaV4 | MetaV6


class _Answer(BaseModel):
    """What every answer has."""

    message: Said = ""
    messege: Said = ""
    tip: str = ""


class Processing(_Answer):
    """A job that was taken, as a submit answers.

    Attributes:
        eta: Seconds; a guess where nothing is known.
        fetch_result: Where to ask for it.
        future_links: Where the file will be.
    """

    status: Literal["processing"] = "processing"
    eta: float
    fetch_result: str
    id: int
    output: list[str] = []
    meta: Meta
    future_links: list[str]


class Waiting(_Answer):
    """A job that is not done, as a fetch answers; `output` is a text there."""

    status: Literal["processing"] = "processing"
    output: Literal[""] = ""
    id: int
    eta: float
    fetch_result: str


class Success(_Answer):
    """A finished job."""

    status: Literal["success"] = "success"
    generationTime: float  # noqa: N815 - the wire's name
    id: int
    output: list[str]
    proxy_links: list[str]
    future_links: list[str]
    meta: Meta


class Failed(_Answer):
    """A job that failed, or that there is none; the id is a text then."""

    status: Literal["failed"] = "failed"
    id: int | Literal[""] = ""
    output: Literal[""] = ""


class Refused(_Answer):
    """A request that is refused; `message` names wrong fields, or is one sentence."""

    status: Literal["error"] = "error"
    retry_after: float | None = None


class ModelRow(BaseModel):
    """One entry of the list of models."""

    model_id: str
    status: Literal["model_ready"] = "model_ready"
    created_at: None = None
    instance_prompt: str | None
    model_name: str
    description: str
    screenshots: str = ""


class Callback(BaseModel):
    """What a webhook is told of a finished job; its id is a text there."""

    status: Literal["success"] = "success"
    id: str
    output: list[str]
    proxy_links: list[str]
    generationTime: float  # noqa: N815 - the wire's name
    track_id: str | None
    meta: Meta


class FailedCallback(BaseModel):
    """What a webhook is told of one that failed or was cancelled."""

    status: Literal["failed"] = "failed"
    id: str
    message: str
    track_id: str | None
