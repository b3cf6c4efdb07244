"""The jobs that are timed, and what is asked of both engines for each.

The seed's job is the first example of the ModelsLab document that Flipbook grew from, Novita's
the example of its txt2video page. Speed does not depend on what the prompts say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from benchmarks.gpu.models import Models
from jobs.request import LoraUse, ProviderName, ResolvedRequest, Scheduler, Segment
from providers.local.wire import RenderFiles, RenderOrder

PROMPT = "An astronaut riding a horse on a beach, waves, sunset, film grain"
NEGATIVE = "low quality, blurry"
FPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job.

    Attributes:
        title: For people.
        aim_s: What issue and docs promise; None is nothing.
        parts: Prompts, each for as many frames.
    """

    title: str
    aim_s: float | None = None
    width: int = 512
    height: int = 512
    frames: int = 40
    parts: int = 1
    steps: int = 20
    guidance: float = 7.5

    @property
    def calls(self) -> int:
        """Return how many clips go through the UNet, guidance counted."""
        return self.steps * (2 if self.guidance > 1 else 1)


JOBS: Mapping[str, Job] = MappingProxyType(
    {
        "seed_job": Job(title="the seed's job: 40 frames, 20 steps", aim_s=5.0),
        "seed_job_30": Job(title="the same at 30 steps", steps=30),
        "novita": Job(
            title="Novita's example: 4 x 32 frames, 20 steps", aim_s=17, frames=128, parts=4
        ),
        "four_steps": Job(title="40 frames, 4 steps, no guidance", aim_s=0.9, steps=4, guidance=1),
        "sixteen": Job(title="16 frames, 25 steps", frames=16, steps=25),
    }
)
TRIAL = Job(title="40 frames, 4 steps: what a lever is tried on", steps=4)


def cut_down(job: Job) -> Job:
    """Return a job of the same kind that a CPU does in seconds; it proves nothing but the code."""
    frames = 32 if job.parts > 1 else min(job.frames, 20)
    return replace(job, width=64, height=64, frames=frames, steps=1, aim_s=None)


def order_of(job: Job, models: Models, *, at: int = 0, has_lora: bool = False) -> RenderOrder:
    """Return the order of a job.

    Args:
        job: It.
        models: Where the random models lie.
        at: Which of them.
        has_lora: The random LoRA acts.
    """
    each = job.frames // job.parts
    loras = {"random": models.lora} if has_lora else {}
    request = ResolvedRequest(
        segments=tuple(Segment(prompt=f"{PROMPT}, {n}", frames=each) for n in range(job.parts)),
        negative_prompt=NEGATIVE,
        provider=ProviderName.LOCAL,
        model="random",
        width=job.width,
        height=job.height,
        fps=FPS,
        frames=job.frames,
        steps=job.steps,
        guidance_scale=job.guidance,
        scheduler=Scheduler.UNI_PC_MULTISTEP,
        seed=7,
        loras=tuple(LoraUse(id=name, strength=0.5) for name in loras),
    )
    files = RenderFiles(model=models.checkpoints[at], motion=models.motion, loras=loras)
    return RenderOrder(id=f"bench{at}", request=request, files=files)
