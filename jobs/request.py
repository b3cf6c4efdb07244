"""What may be asked for: one request for every door, and the limits it is held to.

A `VideoRequest` as it is asked may leave fields at None, "the model's default"; `resolve`
fills them, and only a resolved request is queued. Field names are the same in slash options,
JSON, receipts and docs (docs/design.md, "The request").
"""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel

MAX_SEGMENTS = 16
MAX_PROMPT_CHARS = 1024  # Novita's txt2video, the stricter of the two protocols
MIN_FRAMES, MAX_FRAMES = 8, 128
MIN_SIDE, MAX_SIDE, SIDE_STEP = 128, 1024, 8
MIN_FPS, MAX_FPS = 1, 30
MAX_STEPS = 50
MAX_GUIDANCE = 30.0
MAX_SEED = 2**32 - 1
MAX_CLIP_SKIP = 12
MAX_LORAS = MAX_EMBEDDINGS = 5
MAX_IMAGE_BYTES = 20 * 1024**2


class ProviderName(StrEnum):
    """The backends that a request may name."""

    LOCAL = "local"
    MODELSLAB = "modelslab"
    NOVITA = "novita"

    @property
    def label(self) -> str:
        """What people call it, in the middle of a sentence."""
        match self:
            case ProviderName.LOCAL:
                return "the local engine"
            case ProviderName.MODELSLAB:
                return "ModelsLab"
            case ProviderName.NOVITA:
                return "Novita"

    @property
    def heading(self) -> str:
        """The same at the start of a sentence."""
        return self.label[:1].upper() + self.label[1:]


class VideoFormat(StrEnum):
    """The file that is posted."""

    MP4 = "mp4"
    GIF = "gif"


class Quality(StrEnum):
    """How much work goes into a video when `steps` is not given."""

    DRAFT = "draft"  # half the model's steps
    NORMAL = "normal"
    BEST = "best"  # twice the model's steps, at most 50


class Aspect(StrEnum):
    """A shape instead of two numbers; the longer side is the model's default side."""

    SQUARE = "square"
    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"
    WIDE = "wide"


class Scheduler(StrEnum):
    """The 18 names of the ModelsLab v4 document."""

    DDPM = "DDPMScheduler"
    DDIM = "DDIMScheduler"
    PNDM = "PNDMScheduler"
    LMS_DISCRETE = "LMSDiscreteScheduler"
    EULER_DISCRETE = "EulerDiscreteScheduler"
    EULER_ANCESTRAL_DISCRETE = "EulerAncestralDiscreteScheduler"
    DPM_SOLVER_MULTISTEP = "DPMSolverMultistepScheduler"
    HEUN_DISCRETE = "HeunDiscreteScheduler"
    KDPM2_DISCRETE = "KDPM2DiscreteScheduler"
    DPM_SOLVER_SINGLESTEP = "DPMSolverSinglestepScheduler"
    KDPM2_ANCESTRAL_DISCRETE = "KDPM2AncestralDiscreteScheduler"
    UNI_PC_MULTISTEP = "UniPCMultistepScheduler"
    DDIM_INVERSE = "DDIMInverseScheduler"
    DEIS_MULTISTEP = "DEISMultistepScheduler"
    IPNDM = "IPNDMScheduler"
    KARRAS_VE = "KarrasVeScheduler"
    SCORE_SDE_VE = "ScoreSdeVeScheduler"
    LCM = "LCMScheduler"

    @property
    def calls_twice(self) -> bool:
        """Second-order solvers call the UNet 2n-1 times (measured on diffusers 0.42.1)."""
        return self in (
            Scheduler.HEUN_DISCRETE,
            Scheduler.KDPM2_DISCRETE,
            Scheduler.KDPM2_ANCESTRAL_DISCRETE,
        )


class _Value(BaseModel, frozen=True, extra="forbid"):
    """A value: equal by content, changed by copying, strict about its names."""


class Segment(_Value, frozen=True):
    """One part of the clip: a prompt and for how many frames it holds."""

    prompt: str
    frames: int | None = None


class LoraUse(_Value, frozen=True):
    """A LoRA of the catalogue and how strongly it acts, 0 to 1."""

    id: str
    strength: float = 1.0


class ModelDefaults(_Value, frozen=True):
    """What a model does when the asker does not say."""

    width: int = 512
    height: int = 512
    frames: int = 16
    fps: int = 8
    steps: int = 25
    guidance_scale: float = 7.5


class ModelInfo(_Value, frozen=True):
    """A model that can be asked for, with its defaults and the sizes it can do."""

    id: str
    provider: ProviderName
    title: str
    defaults: ModelDefaults = ModelDefaults()
    min_side: int = 256
    max_side: int = MAX_SIDE
    trigger_words: tuple[str, ...] = ()
    note: str = ""  # one sentence shown with the model and on its cards, if there is one to say
    words: frozenset[str] = frozenset()  # all it was taught, lower-case; empty: it knows a language
    hash: str = ""  # sha256 over the weights, where they are ours to hash


class VideoRequest(_Value, frozen=True):
    """Everything a video is made from.

    Attributes:
        segments: 1-16 parts, each a prompt of 1-1024 characters.
        provider: The backend, or None to let Flipbook route.
        format: The posted file.
        quality: Sets `steps` when they are not given.
        negative_prompt: What to keep out, at most 1024 characters.
        model: An id of the catalogue, never a path; None is the backend's default.
        width: Pixels, a multiple of 8.
        height: Pixels, a multiple of 8.
        aspect: A shape, used for the sides that are not given.
        fps: Frames a second, 1-30.
        frames: 8-128 over all segments.
        steps: Denoising steps, 1-50.
        guidance_scale: 1-30; 1 is no guidance.
        seed: 0 to 2**32-1; None or -1 is drawn before the job is queued.
        scheduler: One of 18 names, or None for the model's own.
        clip_skip: 1-12, 1 is none.
        closed_loop: The last frame leads back to the first.
        loras: At most five.
        embeddings: At most five ids of textual inversions.
        image: The id of a stored init image, or None.
        strength: 0-1; 1 means the init image is ignored.
        enhance_prompt: Style words are added; the card shows the prompt really used.
    """

    segments: tuple[Segment, ...]
    provider: ProviderName | None = None
    format: VideoFormat = VideoFormat.MP4
    quality: Quality = Quality.NORMAL
    negative_prompt: str = ""
    model: str | None = None
    width: int | None = None
    height: int | None = None
    aspect: Aspect | None = None
    fps: int | None = None
    frames: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    scheduler: Scheduler | None = None
    clip_skip: int = 1
    closed_loop: bool = False
    loras: tuple[LoraUse, ...] = ()
    embeddings: tuple[str, ...] = ()
    image: str | None = None
    strength: float | None = None
    enhance_prompt: bool = False

    def evolve(self, **changes: object) -> Self:
        """Return a copy with other values."""
        return self.model_validate({**self.model_dump(), **changes})


class ResolvedRequest(VideoRequest, frozen=True):
    """A request in which every default is filled and every limit is kept."""

    provider: ProviderName = ProviderName.LOCAL
    model: str = ""
    width: int = 0
    height: int = 0
    fps: int = 0
    frames: int = 0
    steps: int = 0
    guidance_scale: float = 0.0
    seed: int = 0

    @property
    def duration_s(self) -> float:
        """The length of the video in seconds."""
        return self.frames / self.fps

    @property
    def unet_calls(self) -> int:
        """How often the UNet runs over the whole clip, guidance counted."""
        steps = max(1, 2 * self.steps - 1) if self.calls_twice else self.steps
        return steps * (2 if self.guidance_scale > 1 else 1)

    @property
    def calls_twice(self) -> bool:
        """The chosen scheduler is of second order."""
        return self.scheduler is not None and self.scheduler.calls_twice

    @property
    def cost(self) -> int:
        """UNet calls x latent pixels x frames: the unit in which fairness and ETA count."""
        return self.unet_calls * (self.width // 8) * (self.height // 8) * self.frames
