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
DEFAULT_STRENGTH = 0.8  # of an init image; that of diffusers' video-to-video pipeline


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

    def calls(self, steps: int) -> int:
        """Return how often so many steps call the UNet (measured on diffusers 0.42.1)."""
        match self:
            case (
                Scheduler.HEUN_DISCRETE
                | Scheduler.KDPM2_DISCRETE
                | Scheduler.KDPM2_ANCESTRAL_DISCRETE
                | Scheduler.KARRAS_VE
            ):
                return max(0, 2 * steps - 1)  # the last step needs no correction
            case Scheduler.SCORE_SDE_VE:
                return 2 * steps
            case Scheduler.PNDM:
                return steps + 1 if steps > 1 else steps
            case _:
                return steps


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
    scheduler: Scheduler | None = None  # what distilled weights need; None is the model's own
    trigger_words: tuple[str, ...] = ()
    is_age_restricted: bool = False  # only for age-restricted channels
    has_safety_checker: bool = False  # one of its own, which can look at its videos
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
    def steps_run(self) -> int:
        """How many steps are really denoised: an init image stands for the first ones.

        At a strength of 0 there are none, the video is the image; above, there is at least one.
        """
        strength = DEFAULT_STRENGTH if self.strength is None else self.strength
        if self.image is None or strength >= 1:
            return self.steps
        # 50 x 0.58 is 28.999999999999996
        return max(1, int(self.steps * strength + 1e-9)) if strength > 0 else 0

    @property
    def unet_calls(self) -> int:
        """How often the UNet runs over the whole clip, guidance counted."""
        steps = self.steps_run
        calls = steps if self.scheduler is None else self.scheduler.calls(steps)
        if self.guidance_scale > 1:
            calls *= 2
        # An inversion goes up all steps without guidance before it comes down.
        return calls + (steps if self.scheduler is Scheduler.DDIM_INVERSE else 0)

    @property
    def cost(self) -> int:
        """UNet calls x latent pixels x frames: the unit in which fairness and ETA count.

        Never 0: a video that needs no call has its frames to be decoded.
        """
        return max(1, self.unet_calls) * (self.width // 8) * (self.height // 8) * self.frames
