"""Runs diffusers' AnimateDiff pipelines: noise or an init image in, latents out, then pixels.

The pipelines take one prompt for the whole clip; a hook in front of the UNet gives it the
states of every frame instead, counts its calls and stops it when the render is cancelled.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from diffusers.pipelines.animatediff.pipeline_animatediff_video2video import (
    AnimateDiffVideoToVideoPipeline,
)
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from jobs.request import ResolvedRequest
from providers.local.capabilities import is_image_ignored
from providers.local.ticket import RenderError, Ticket
from providers.local.windows import draw_noise, set_loop
from providers.local.wire import FailureCode, Stage

DECODED_AT_ONCE = 8  # frames
DEFAULT_STRENGTH = 0.8  # of diffusers' video-to-video pipeline


@dataclass(slots=True, kw_only=True)
class Calls:
    """How often the UNet ran over the whole clip."""

    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What the UNet attends to: frames x tokens x channels each."""

    prompt: Tensor
    negative: Tensor


@torch.inference_mode()
def sample(
    pipe: Any,  # noqa: ANN401 - diffusers' edge
    request: ResolvedRequest,
    states: States,
    *,
    image: Path | None,
    ticket: Ticket,
) -> tuple[Tensor, int]:
    """Denoise a clip.

    Returns:
        Latents, frames x channels x height x width, and the number of UNet calls.

    Raises:
        StoppedError: The render was cancelled.
        RenderError: The init image is unreadable, or the model gives no numbers.
    """
    set_loop(pipe.unet, is_loop=request.closed_loop)
    pipe, start = _start(pipe, request, image)
    is_guided = request.guidance_scale > 1
    fed = torch.cat([states.negative, states.prompt]) if is_guided else states.prompt

    def tell(running: Any, step: int, *_: object) -> dict[str, Any]:  # noqa: ANN401
        ticket.advance(step + 1, running.num_timesteps)
        return {}

    with _fed(pipe.unet, fed, ticket) as calls:
        latents = pipe(
            **start,
            prompt_embeds=states.prompt[:1],
            negative_prompt_embeds=states.negative[:1],
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="latent",
            callback_on_step_end=tell,
        ).frames
    _check_numbers(latents, request)
    return latents[0].transpose(0, 1), calls.count * (2 if is_guided else 1)


@torch.inference_mode()
def decode(pipe: Any, latents: Tensor, ticket: Ticket) -> NDArray[np.uint8]:  # noqa: ANN401
    """Turn latents into frames x height x width x RGB.

    Raises:
        StoppedError: The render was cancelled.
    """
    ticket.enter(Stage.DECODING, len(latents))
    parts: list[NDArray[np.uint8]] = []
    for chunk in latents.split(DECODED_AT_ONCE):
        pixels = pipe.vae.decode(chunk / pipe.vae.config.scaling_factor).sample
        pixels = (pixels.float() / 2 + 0.5).clamp(0, 1) * 255
        parts.append(pixels.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())
        ticket.advance(sum(map(len, parts)), len(latents))
    return np.concatenate(parts)


@contextmanager
def _fed(unet: Any, states: Tensor, ticket: Ticket) -> Generator[Calls]:  # noqa: ANN401
    calls = Calls()

    def feed(_: object, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
        ticket.check()
        calls.count += 1
        return args, {**kwargs, "encoder_hidden_states": states}

    hook = unet.register_forward_pre_hook(feed, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()


def _start(
    pipe: Any,  # noqa: ANN401
    request: ResolvedRequest,
    image: Path | None,
) -> tuple[Any, dict[str, Any]]:
    """Return the pipeline to run, and what it starts from."""
    noise = _noise(pipe, request)
    if image is None or is_image_ignored(request):
        return pipe, {"latents": noise, "num_frames": request.frames}
    return _from_image(pipe, request, noise, image)


def _check_numbers(latents: Tensor, request: ResolvedRequest) -> None:
    if not bool(torch.isfinite(latents).all()):
        message = f"The model {request.model} gave no picture for this request."
        raise RenderError(FailureCode.BAD_MODEL, message)


def _noise(pipe: Any, request: ResolvedRequest) -> Tensor:  # noqa: ANN401
    scale = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, request.height // scale, request.width // scale)
    noise = draw_noise(shape, frames=request.frames, seed=request.seed, is_loop=request.closed_loop)
    return noise.to(device=pipe.device, dtype=pipe.unet.dtype)


def _from_image(
    pipe: Any,  # noqa: ANN401
    request: ResolvedRequest,
    noise: Tensor,
    image: Path,
) -> tuple[Any, dict[str, Any]]:
    """Return the video-to-video pipeline and its start: the image in every frame, noised."""
    strength = DEFAULT_STRENGTH if request.strength is None else request.strength
    steps = max(1, int(request.steps * strength))  # with none the pipeline would fail
    strength = (steps + 0.5) / request.steps
    running = cast("Any", AnimateDiffVideoToVideoPipeline)(**pipe.components)
    running.set_progress_bar_config(disable=True)
    running.scheduler.set_timesteps(request.steps, device=pipe.device)
    steps_left, _ = running.get_timesteps(
        request.steps, running.scheduler.timesteps, min(1.0, strength), pipe.device
    )
    still = _encoded(pipe, _read_image(image, request))
    clip = still[:, :, None].expand_as(noise)
    latents = running.scheduler.add_noise(clip.contiguous(), noise, steps_left[:1])
    return running, {"latents": latents, "strength": min(1.0, strength)}


def _encoded(pipe: Any, pixels: NDArray[np.uint8]) -> Tensor:  # noqa: ANN401
    tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents = pipe.vae.encode(tensor.to(device=pipe.device, dtype=pipe.vae.dtype)).latent_dist
    return latents.mode() * pipe.vae.config.scaling_factor


def _read_image(path: Path, request: ResolvedRequest) -> NDArray[np.uint8]:
    """Read the image and cut it to the clip's shape."""
    try:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (request.width, request.height))
    except OSError as error:
        raise RenderError(FailureCode.BAD_IMAGE, "The init image cannot be read.") from error
    return np.array(fitted)
