"""Says how wrong a denoiser is: on single frames first, then, with motion modules, on clips."""

import random
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_motion_model import (
    AnimateDiffTransformer3D,
    MotionAdapter,
    UNetMotionModel,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from training.shapes.learning.lessons import Lesson
from training.shapes.learning.schedule import draw_times, noisy
from training.shapes.networks.folder import GUIDANCE
from training.shapes.networks.parts import HEADS
from training.shapes.scenes.draw import FRAMES

SHARPNESS = 2.0  # of the first attention's look at its own frame
LOUDNESS = 1.7
WORDLESS = "down_blocks.0"  # before it no caption was read, so it cannot know the path
PATH_VALUES = 3  # x, y, scale
READINGS = 0.3  # weight of their loss


def image_loss(unet: UNet2DConditionModel, lesson: Lesson, generator: torch.Generator) -> Tensor:
    """Return the weighted loss on the lessons' first frames."""
    clean = lesson.latents[:, :, 0]
    times = draw_times(len(clean), generator).to(clean.device)
    given, wanted = noisy(clean, _noise_like(clean, generator), times)
    got = unet(given, times, lesson.text, return_dict=False)[0]
    return ((got.float() - wanted).square() * lesson.weight[:, :, 0]).mean()


def clip_loss(
    unet: UNetMotionModel,
    lesson: Lesson,
    frames: Sequence[int],
    generator: torch.Generator,
    *,
    times: Callable[[int, torch.Generator], Tensor] = draw_times,
) -> Tensor:
    """Return the weighted loss on clips of which only these frames are drawn.

    Args:
        unet: What is trained.
        lesson: The clips.
        frames: The numbers of the frames that they have.
        generator: Draws noise and its levels.
        times: How the levels are drawn.
    """
    clean = lesson.latents
    levels = times(len(clean), generator).to(clean.device)
    given, wanted = noisy(clean, _noise_like(clean, generator), levels)
    text = lesson.text.repeat_interleave(len(frames), dim=0)
    with at_frames(unet, frames):
        got = unet(given, levels, text, return_dict=False)[0]
    return ((got.float() - wanted).square() * lesson.weight).mean()


def _noise_like(clean: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(clean.shape, generator=generator).to(clean.device)


def guided(unet: nn.Module, latents: Tensor, time: int, text: Tensor) -> Tensor:
    """Return what the denoiser says under the guidance that the model is measured with.

    Args:
        unet: The denoiser.
        latents: Of images or clips, as the denoiser wants them.
        time: The noise level of all of them.
        text: What the encoder makes of their captions, then of as many empty ones.
    """
    both = torch.cat([latents, latents])
    told, silent = unet(both, torch.tensor(time), text, return_dict=False)[0].chunk(2)
    return silent + GUIDANCE * (told - silent)


@contextmanager
def at_frames(unet: nn.Module, frames: Sequence[int]) -> Generator[None]:
    """Let the motion modules believe that the frames they see are these of a clip."""
    places: list[Any] = [
        each for each in unet.modules() if isinstance(each, SinusoidalPositionalEmbedding)
    ]
    whole = [each.pe for each in places]
    try:
        for each, table in zip(places, whole, strict=True):
            each.pe = table[:, list(frames)]
        yield
    finally:
        for each, table in zip(places, whole, strict=True):
            each.pe = table


def draw_frames(count: int, rng: random.Random) -> list[int]:
    """Return some frames of a clip, in order: what a cheap step looks at."""
    return sorted(rng.sample(range(FRAMES), count))


def prepare_motion(motion: MotionAdapter) -> None:
    """Give fresh motion modules a start from which they learn in minutes instead of hours.

    A module knows a frame's number only by what it attends to, and attention that begins as an
    average over all frames tells none: so one head of each first attention looks at its own frame.
    And what they say is loud enough from the start to be heard beside the image model's features.
    """
    for name, weights in motion.named_parameters():
        if "attn1.to_q" in name or "attn1.to_k" in name:
            _look_at_oneself(weights)
        if "proj_out.weight" in name:
            nn.init.normal_(weights, std=LOUDNESS / len(weights) ** 0.5)
        if "proj_out.bias" in name:
            nn.init.zeros_(weights)


@torch.no_grad()
def _look_at_oneself(weights: Tensor) -> None:
    """Let a head's queries and keys be the same: two frames match best with themselves."""
    head = len(weights) // HEADS
    weights[:head] = SHARPNESS * torch.eye(*weights.shape)[:head]


class PathReadings(nn.Module):
    """Linear readings of where a figure is, from what each motion module adds; thrown away later.

    "Left" moves a figure one way and "right" the other, so that on average a frame's number says
    nothing, and a plain loss gives no first step towards "left, in the last frame". These readings
    ask for just that product of word and number, and the denoiser then uses what they made.
    """

    def __init__(self, unet: UNetMotionModel) -> None:
        super().__init__()
        self._heard: dict[str, Tensor] = {}
        self._hooks: list[RemovableHandle] = []
        self.linear = nn.ModuleDict()
        for name, module in unet.named_modules():
            if isinstance(module, AnimateDiffTransformer3D) and not name.startswith(WORDLESS):
                key = name.replace(".", "_")
                self.linear[key] = nn.Linear(_channels(module), PATH_VALUES)
                self._hooks.append(module.register_forward_hook(partial(self._hear, key)))

    def stop(self) -> None:
        """Listen no longer."""
        for hook in self._hooks:
            hook.remove()
        self._heard.clear()

    def _hear(self, key: str, _module: nn.Module, _given: object, out: Tensor) -> None:
        self._heard[key] = out

    def loss(self, paths: Tensor) -> Tensor:
        """Return the mean squared error of the last call's readings.

        Args:
            paths: Shape (clips, frames, 3), as `draw.mean_paths` gives them.
        """
        wanted = paths.flatten(0, 1)
        errors: list[Tensor] = []
        for key, heard in self._heard.items():
            means = heard.mean(dim=(2, 3))
            got = self.linear[key](functional.layer_norm(means, means.shape[1:]))
            errors.append(functional.mse_loss(got.float(), wanted))
        return torch.stack(errors).mean()


def _channels(module: AnimateDiffTransformer3D) -> int:
    projection: Any = module.proj_out
    return len(projection.weight)
