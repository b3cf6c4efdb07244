"""Denoises: noise or an init image in, latents out, one UNet call after another.

The arithmetic is that of diffusers' AnimateDiff pipelines to the last bit. The loop is ours
because theirs take one prompt for the whole clip, begin PNDM wrongly in the middle, draw the
noise of later steps with the numbers of the first, and cannot drive every scheduler. Between
the calls latents are float32, whatever the UNet computes in.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from jobs.request import ResolvedRequest, Scheduler
from providers.local.capabilities import is_image_ignored
from providers.local.engine import schedulers
from providers.local.engine.images import encoded, read_image
from providers.local.engine.pace import Pace
from providers.local.engine.reuse import Guidance
from providers.local.engine.ticket import RenderError, Ticket
from providers.local.engine.windows import (
    draw_noise,
    goes_round,
    lay_out_windows,
    order_of,
    set_loop,
)
from providers.local.wire import FailureCode


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What the UNet attends to: frames x tokens x channels each."""

    prompt: Tensor
    negative: Tensor


@dataclass(slots=True, kw_only=True)
class Denoiser:
    """The UNet as one run sees it.

    Attributes:
        unet: It, or what calls it.
        plain: The prompt's states.
        guided: The negative prompt's, then the prompt's.
        guidance: 1 is none.
        ticket: Asked before each call whether to go on.
        pace: Keeps the calls close behind the device.
        added: What the prompt adds, where it is not asked for at every call.
        total: How many calls the run has.
        calls: How many there were.
        work: The same, a call with guidance counted twice.
    """

    unet: Any
    plain: Tensor
    guided: Tensor
    guidance: float
    ticket: Ticket
    pace: Pace
    added: Guidance
    total: int = 0
    calls: int = 0
    work: int = 0

    @property
    def is_guided(self) -> bool:
        """Whether what the negative prompt says counts, too."""
        return self.guidance > 1

    def predict(
        self,
        scheduler: Any,  # noqa: ANN401 - diffusers' schedulers share no type
        latents: Tensor,
        timestep: Tensor,
        moment: Tensor,
        *,
        is_guided: bool,
    ) -> Tensor:
        """Return what the model says about latents of 1 x channels x frames x height x width.

        Args:
            scheduler: It.
            latents: As they are now.
            timestep: In host memory, for the scheduler.
            moment: The same on the device, for the UNet.
            is_guided: Ask without the prompt, too.

        Raises:
            StoppedError: The render was cancelled.
        """
        self.pace.wait()
        self.ticket.check()
        asks_both = is_guided and self.added.is_due(self.calls, self.total)
        output = self._ask(scheduler, latents, timestep, moment, rows=2 if asks_both else 1)
        if not is_guided:
            return output
        if not asks_both:
            return output + (self.guidance - 1) * self.added.last
        without, with_prompt = output.chunk(2)
        self.added.keep(with_prompt - without)
        return without + self.guidance * (with_prompt - without)

    def _ask(
        self,
        scheduler: Any,  # noqa: ANN401
        latents: Tensor,
        timestep: Tensor,
        moment: Tensor,
        *,
        rows: int,
    ) -> Tensor:
        """Call the UNet with the prompt, and before it, if there are two rows, without."""
        seen = scheduler.scale_model_input(torch.cat([latents] * rows), timestep)
        states = self.guided if rows > 1 else self.plain
        said = self.unet(seen.to(states.dtype), moment, encoder_hidden_states=states)
        self.pace.mark()
        self.calls += 1
        self.work += rows
        self.ticket.advance(self.calls, self.total)
        return said.sample.float()


@torch.inference_mode()
def sample(  # noqa: PLR0913 - one clip, and two ways of making it faster
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    request: ResolvedRequest,
    states: States,
    *,
    image: Path | None,
    ticket: Ticket,
    call_unet: Callable[..., Any] | None = None,
    is_guidance_reused: bool = False,
) -> tuple[Tensor, int]:
    """Denoise a clip.

    Args:
        pipe: The pipeline, with the scheduler that `schedulers.build` made for the request.
        request: What is asked for.
        states: Of the prompts.
        image: The init image.
        ticket: Told of every UNet call.
        call_unet: A faster way to call the pipeline's UNet.
        is_guidance_reused: In the second half, guidance is asked for at every second call.

    Returns:
        Latents, frames x channels x height x width, and the number of UNet calls, those with
        guidance counted twice.

    Raises:
        StoppedError: The render was cancelled.
        RenderError: The init image is unreadable, or the model gives no numbers.
    """
    set_loop(pipe.unet, is_loop=goes_round(request))
    lay_out_windows(pipe.unet, frames=request.frames, device=pipe.device)
    prompt, negative = (each.to(pipe.unet.dtype) for each in (states.prompt, states.negative))
    denoiser = Denoiser(
        unet=call_unet or pipe.unet,
        plain=prompt,
        guided=torch.cat([negative, prompt]),
        guidance=request.guidance_scale,
        ticket=ticket,
        pace=Pace(pipe.device),
        added=Guidance(is_reused=is_guidance_reused),
    )
    still = _still(pipe, request, image)
    latents = _denoised(denoiser, pipe, request, still)
    if not bool(torch.isfinite(latents).all()):
        message = f"The model {request.model} gave no picture for this request."
        raise RenderError(FailureCode.BAD_MODEL, message)
    frames = latents[0].transpose(0, 1)[order_of(request)]
    return frames.to(pipe.vae.dtype), denoiser.work


def _denoised(
    denoiser: Denoiser,
    pipe: Any,  # noqa: ANN401
    request: ResolvedRequest,
    still: Tensor | None,
) -> Tensor:
    """Return the clip's latents; `still` is the init image in every frame."""
    scheduler, steps = pipe.scheduler, request.steps_run
    schedulers.lay_out(scheduler, steps=request.steps, device=pipe.device)
    noise = _noise(pipe, request)
    if still is None:
        timesteps, latents = scheduler.timesteps, noise * scheduler.init_noise_sigma
    elif steps == 0:
        return still
    else:
        timesteps = schedulers.begin_late(scheduler, steps=request.steps, kept=steps)
        latents = scheduler.add_noise(still, noise, timesteps[:1])
    denoiser.total = len(timesteps)
    if still is not None and request.scheduler is Scheduler.DDIM_INVERSE:
        latents = _inverted(denoiser, scheduler, still, steps)
    return _stepped(denoiser, scheduler, latents, timesteps, seed=request.seed)


def _stepped(
    denoiser: Denoiser,
    scheduler: Any,  # noqa: ANN401
    latents: Tensor,
    timesteps: Tensor,
    *,
    seed: int,
) -> Tensor:
    options: dict[str, object] = {}
    if "generator" in inspect.signature(scheduler.step).parameters:
        options["generator"] = _after_noise(latents.shape, seed)
    for timestep, moment in zip(timesteps, timesteps.to(latents.device), strict=True):
        output = denoiser.predict(
            scheduler, latents, timestep, moment, is_guided=denoiser.is_guided
        )
        latents = scheduler.step(output, timestep, latents, **options).prev_sample
    return latents


def _inverted(
    denoiser: Denoiser,
    scheduler: Any,  # noqa: ANN401
    still: Tensor,
    steps: int,
) -> Tensor:
    """Walk DDIM backwards from an image to the noise that it would have come from.

    Without guidance: with it, the way back would miss the image (arXiv 2211.09794, section 3).
    """
    inverse = schedulers.Inverse(scheduler)
    upwards = inverse.timesteps[:steps]
    denoiser.total += len(upwards)
    latents = still
    for timestep, moment in zip(upwards, upwards.to(still.device), strict=True):
        output = denoiser.predict(inverse, latents, timestep, moment, is_guided=False)
        latents = inverse.step(output, timestep, latents).prev_sample
    return latents


def _noise(pipe: Any, request: ResolvedRequest) -> Tensor:  # noqa: ANN401
    scale = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, request.height // scale, request.width // scale)
    noise = draw_noise(shape, frames=request.frames, seed=request.seed, is_loop=goes_round(request))
    return noise.to(pipe.device)


def _after_noise(shape: Sequence[int], seed: int) -> torch.Generator:
    """Return the seed's generator where the first noise ended, for samplers that draw more.

    From its beginning it would give the first noise once more, which is then no chance at all.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    torch.randn(tuple(shape), generator=generator)
    return generator


def _still(pipe: Any, request: ResolvedRequest, image: Path | None) -> Tensor | None:  # noqa: ANN401
    if image is None or is_image_ignored(request):
        return None
    latents = encoded(pipe, read_image(image, width=request.width, height=request.height))
    return latents[:, :, None].repeat(1, 1, request.frames, 1, 1)
