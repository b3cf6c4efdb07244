"""What the bot and its workers say to each other: one JSON object a line.

The bot writes orders to the worker's stdin, the worker writes events to its stdout. A worker
does one render at a time; a cancel may name one that it has not begun yet.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from jobs.request import ResolvedRequest


class Stage(StrEnum):
    """What a render is at, in the words of its card."""

    STARTING = "starting the engine"
    LOADING = "loading the model"
    DENOISING = "denoising"
    DECODING = "decoding"
    CHECKING = "looking at the frames"
    ENCODING = "encoding"


class FailureCode(StrEnum):
    """Why a render failed, for logs and tests."""

    BAD_MODEL = "bad_model"  # the folder cannot be loaded, or gives no picture
    BAD_ADAPTER = "bad_adapter"  # a LoRA or an embedding does not fit the model
    BAD_IMAGE = "bad_image"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    FLAGGED = "flagged"  # the model's safety checker would not let it out
    BROKEN = "broken"  # an error that nobody foresaw


class _Line(BaseModel, frozen=True, extra="forbid"):
    """One line; a name that is not known is an error on both sides."""


class RenderFiles(_Line, frozen=True):
    """Where the ids of a request lie; the worker knows no other folders.

    Attributes:
        model: The model's diffusers folder, or a single file in the original layout.
        motion: The motion module, a diffusers folder or a single file; None is the model's own.
        loras: Files by id.
        embeddings: Files by id.
        image: The init image.
        checker: The model's safety checker, if it is to look at the video.
    """

    model: Path
    motion: Path | None = None
    loras: dict[str, Path] = {}
    embeddings: dict[str, Path] = {}
    image: Path | None = None
    checker: Path | None = None


class RenderOrder(_Line, frozen=True):
    """Make a video; `id` is new for each attempt."""

    do: Literal["render"] = "render"
    id: str
    request: ResolvedRequest
    files: RenderFiles


class CancelOrder(_Line, frozen=True):
    """Stop a render, also one that was not begun."""

    do: Literal["cancel"] = "cancel"
    id: str


class Ready(_Line, frozen=True):
    """The worker has loaded its libraries and waits for orders."""

    event: Literal["ready"] = "ready"
    device: str
    versions: dict[str, str]


class Advanced(_Line, frozen=True):
    """A render got further: `done` of `total` UNet calls; `total` is 0 before they are counted."""

    event: Literal["progress"] = "progress"
    id: str
    stage: Stage
    done: int = 0
    total: int = 0
    eta_s: float | None = None


class Done(_Line, frozen=True):
    """The video lies at `path`, its first frame at `poster`; whoever reads this removes both."""

    event: Literal["done"] = "done"
    id: str
    path: str
    poster: str = ""
    effective: dict[str, object]
    versions: dict[str, str]
    timings_s: dict[str, float]


class Failed(_Line, frozen=True):
    """There is no video; `message` is one sentence for the asker."""

    event: Literal["failed"] = "failed"
    id: str
    code: FailureCode
    message: str


class Cancelled(_Line, frozen=True):
    """The render was stopped as it was asked to."""

    event: Literal["cancelled"] = "cancelled"
    id: str


Order = Annotated[RenderOrder | CancelOrder, Field(discriminator="do")]
Ending = Done | Failed | Cancelled
Event = Annotated[Ready | Advanced | Ending, Field(discriminator="event")]


def write_line(line: _Line) -> bytes:
    """Return an order or an event as it is sent."""
    return line.model_dump_json().encode() + b"\n"


def read_order(line: bytes) -> RenderOrder | CancelOrder:
    """Read what the bot wrote.

    Raises:
        ValueError: It is no order.
    """
    return TypeAdapter[RenderOrder | CancelOrder](Order).validate_json(line)


def read_event(line: bytes) -> Ready | Advanced | Ending:
    """Read what a worker wrote.

    Raises:
        ValueError: It is no event.
    """
    return TypeAdapter[Ready | Advanced | Ending](Event).validate_json(line)
