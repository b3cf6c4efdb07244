"""Names the kinds of files that the local engine takes, and what a file was found to be."""

import re
from dataclasses import dataclass
from enum import StrEnum

from jobs.request import Scheduler

SD15_WIDTH = 768  # of a token, in the text encoder and in the UNet's cross-attention
BASES = {
    768: "Stable Diffusion 1.5",
    1024: "Stable Diffusion 2",
    1280: "Stable Diffusion XL",
    2048: "Stable Diffusion XL",
    4096: "Stable Diffusion 3",
}
DEFAULT_LIGHTNING_STEPS = 4


class Family(StrEnum):
    """What a file or folder is for."""

    CHECKPOINT = "sd15"
    MOTION = "motion"
    LORA = "lora"
    EMBEDDING = "embedding"


class MotionKind(StrEnum):
    """The motion modules there are for Stable Diffusion 1.5; the plain ones come first."""

    V3 = "v3"
    V2 = "v2"
    LCM = "lcm"
    LIGHTNING = "lightning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a distilled motion module has to be used with; None leaves it to the model."""

    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: Scheduler | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file was recognised as.

    Attributes:
        family: What it is for.
        layout: Whose names its tensors have, for people.
        width: Of the tokens that it works on; None where that does not show.
        parts: What it holds or acts on, for people.
        motion: Which motion module it is.
        has_motion: It is a model with a motion module of its own.
        vectors: Of an embedding: how many tokens it stands for.
        is_lcm: It says of itself that it makes a model few-step.
        notes: What else an operator should know.
        tensors: How many there are.
        trigger_words: From its metadata.
        title: From its metadata.
    """

    family: Family
    layout: str
    width: int | None = None
    parts: tuple[str, ...] = ()
    motion: MotionKind | None = None
    has_motion: bool = False
    vectors: int = 0
    is_lcm: bool = False
    notes: tuple[str, ...] = ()
    tensors: int = 0
    trigger_words: tuple[str, ...] = ()
    title: str = ""


def base_of_width(width: int) -> str:
    """Name the family whose tokens are so wide."""
    return BASES.get(width, f"a model with tokens of width {width}")


def habits_of(kind: MotionKind | None, name: str) -> Habits:
    """Return what a motion module is used with.

    Args:
        kind: Which it is.
        name: Its file's or repository's name; Lightning's says for how many steps it was made.

    AnimateLCM and AnimateDiff-Lightning: the values of their model cards.
    """
    match kind:
        case MotionKind.LCM:
            return Habits(steps=6, guidance_scale=1.5, scheduler=Scheduler.LCM)
        case MotionKind.LIGHTNING:
            told = re.search(r"(\d)[-_ ]?step", name.lower())
            steps = int(told[1]) if told and told[1] in "1248" else DEFAULT_LIGHTNING_STEPS
            return Habits(steps=steps, guidance_scale=1.0, scheduler=Scheduler.EULER_DISCRETE)
        case MotionKind.V2 | MotionKind.V3 | None:
            return Habits()
