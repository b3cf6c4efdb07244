"""The two that are compared: Flipbook's engine, and diffusers' own pipeline with the same file.

Both go from text to an MP4 on disk. Both take the same scheduler settings and write with the same
encoder; noise, prompt encoding, motion windows, decoding and hand-over are their own.
"""

import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import MotionAdapter
from diffusers.pipelines.animatediff.pipeline_animatediff import AnimateDiffPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from providers.local.engine import schedulers
from providers.local.engine.decoding import decode
from providers.local.engine.encode import Frames, Recipe, write_video
from providers.local.engine.pipeline import PipelineShelf
from providers.local.engine.speed import Speed
from providers.local.engine.studio import Denoised, Studio, prompts_of
from providers.local.engine.ticket import Ticket
from providers.local.engine.windows import CONTEXT, STRIDE
from providers.local.wire import RenderOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where is measured, and in what."""

    device: str
    dtype: torch.dtype
    scratch: Path

    @property
    def is_gpu(self) -> bool:
        """There is something that works by itself and has to be waited for."""
        return self.device.startswith("cuda")

    def wait(self) -> None:
        """Wait until the device has done everything."""
        if self.is_gpu:
            torch.cuda.synchronize()

    def tidy(self) -> None:
        """Give memory back, also that of functions compiled before, and begin to count anew."""
        torch.compiler.reset()
        gc.collect()
        if self.is_gpu:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak_gib(self) -> float:
        """Return the most memory that was held since `tidy`."""
        return round(torch.cuda.max_memory_reserved() / 1024**3, 2) if self.is_gpu else 0.0

    def time(self, run: Callable[[], object]) -> float:
        """Return the seconds of one run, with all that it left to the device."""
        self.wait()
        started = perf_counter()
        run()
        self.wait()
        return perf_counter() - started


class Ours:
    """Flipbook's engine as a worker holds it."""

    def __init__(self, place: Place, speed: Speed) -> None:
        self._place = place
        self._studio: Any = Studio(  # its inner steps are timed by themselves
            scratch=place.scratch, device=place.device, dtype=place.dtype, speed=speed
        )

    @property
    def shelf(self) -> PipelineShelf:
        """The models that it holds."""
        return self._studio._shelf  # noqa: SLF001

    def make(self, order: RenderOrder) -> None:
        """Make a video, and take it away."""
        video = self._studio.render(order, _ticket())
        video.path.unlink()
        video.poster.unlink()

    def denoise(self, order: RenderOrder) -> Denoised:
        """Make only the latents."""
        return self._studio._denoised(order, prompts_of(order.request), _ticket())  # noqa: SLF001

    def frames(self, order: RenderOrder) -> tuple[torch.Tensor, Frames]:
        """Return a job's latents, in float32 in host memory, and its frames."""
        made = self.denoise(order)
        return made.latents.float().cpu(), decode(made.pipe, made.latents, _ticket())


class Stock:
    """diffusers' AnimateDiffPipeline with FreeNoise, as its documentation sets it up."""

    def __init__(self, place: Place, order: RenderOrder) -> None:
        folder, motion = order.files.model, order.files.motion
        parts: dict[str, Any] = {
            "vae": AutoencoderKL.from_pretrained(folder / "vae"),
            "unet": UNet2DConditionModel.from_pretrained(folder / "unet"),
            "text_encoder": CLIPTextModel.from_pretrained(folder / "text_encoder"),
            "motion_adapter": MotionAdapter.from_pretrained(motion),
        }
        for part in parts.values():
            part.to(place.device, place.dtype)
        config = schedulers.SD_BETAS
        self._place = place
        self._pipe: Any = AnimateDiffPipeline(
            **parts,
            tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
            scheduler=schedulers.build(schedulers.Scheduler.UNI_PC_MULTISTEP, config),
        )
        self._pipe.set_progress_bar_config(disable=True)

    def make(self, order: RenderOrder) -> None:
        """Make a video, and take it away."""
        request = order.request
        frames = self.frames(order)
        path = self._place.scratch / "stock.mp4"
        recipe = Recipe(
            kind=request.format, width=request.width, height=request.height, fps=request.fps
        )
        write_video([frames], path, recipe, tell=lambda _: None)
        path.unlink()
        path.with_suffix(".jpg").unlink()

    def frames(self, order: RenderOrder) -> Frames:
        """Return a job's frames."""
        request, prompts, at = order.request, dict[int, str](), 0
        for segment in request.segments:
            prompts[at] = segment.prompt
            at += segment.frames or 0
        if request.frames >= CONTEXT:
            self._pipe.enable_free_noise(context_length=CONTEXT, context_stride=STRIDE)
        made = self._pipe(
            prompt=prompts if request.frames >= CONTEXT else prompts[0],
            negative_prompt=request.negative_prompt,
            num_frames=request.frames,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="np",
        ).frames[0]
        return np.asarray(made * 255).round().astype(np.uint8)


def _ticket() -> Ticket:
    return Ticket(render_id="bench", is_cancelled=lambda: False, send=lambda _: None)
